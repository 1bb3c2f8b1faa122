#include "accelerate/phases/phases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Writes down what it hears.
class Notes final : public PhaseListener {
 public:
  Notes() { Phases::add(*this); }
  ~Notes() override { Phases::remove(*this); }
  void enter(Phase phase) override { all.emplace_back(to_string(phase)); }
  void leave(Phase outside) override { all.emplace_back(to_string(outside)); }
  void end_step(int64_t samples) override { all.push_back("|" + std::to_string(samples)); }

  std::vector<std::string> all;
};

void step(Phase first) {
  { const PhaseScope scope(first); }
  const PhaseScope optimizer(Phase::kOptimizer);
  Phases::heard()->note_step(/*optimizer=*/nullptr, /*samples=*/8);
}

TEST(Phases, AreOneAtATime) {
  const Notes notes;
  {
    const PhaseScope backward(Phase::kBackward);
    const PhaseScope waiting(Phase::kCommunication);
  }
  EXPECT_THAT(notes.all, ElementsAre("backward", "communication", "backward", "other"));
}

TEST(Phases, AreAsideInAllThatIsDoneThere) {
  const Notes notes;
  {
    const PhaseScope saving(Phase::kAside);
    const PhaseScope waiting(Phase::kCommunication);
    const PhaseScope hook(Phase::kForward);
  }
  { const PhaseScope waiting(Phase::kCommunication); }
  EXPECT_THAT(notes.all, ElementsAre("aside", "aside", "aside", "aside", "aside", "other",  //
                                     "communication", "other"));
}

TEST(Phases, EndAStepWhereTheNextBegins) {
  const Notes notes;
  step(Phase::kData);
  { const PhaseScope between(Phase::kCommunication); }
  step(Phase::kForward);
  step(Phase::kCaptured);
  EXPECT_THAT(notes.all,
              ElementsAre("data", "other", "optimizer", "other", "communication", "other",  //
                          "|8", "forward", "other", "optimizer", "other",                   //
                          "|8", "captured step", "other", "optimizer", "other"));
}

TEST(Phases, AreHeardFromAnyMomentToAnyOther) {
  const PhaseScope before(Phase::kForward);
  const Notes outer;
  {
    auto inner = std::make_unique<Notes>();
    const PhaseScope backward(Phase::kBackward);
    EXPECT_THAT(inner->all, ElementsAre("backward"));
    inner.reset();
  }
  EXPECT_THAT(outer.all, ElementsAre("backward", "other"));
}

TEST(Phases, AreLeftWhenNobodyListensAnyMore) {
  auto notes = std::make_unique<Notes>();
  {
    const PhaseScope backward(Phase::kBackward);
    notes.reset();
    EXPECT_EQ(Phases::heard(), nullptr);
  }
  const Notes later;
  { const PhaseScope forward(Phase::kForward); }
  EXPECT_THAT(later.all, ElementsAre("forward", "other"));
}

TEST(Phases, AreThoseOfAThread) {
  const Notes notes;
  std::thread([] { const PhaseScope scope(Phase::kForward); }).join();
  EXPECT_THAT(notes.all, IsEmpty());
}

}  // namespace
}  // namespace accelerate
