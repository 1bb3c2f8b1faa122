#include "accelerate/engine/step_outcomes.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <vector>

namespace accelerate {
namespace {

// A flag that comes from a device.
HostCopy flag(bool overflow) { return HostCopy(at::full({}, overflow ? 1 : 0, at::kInt)); }

TEST(StepOutcomes, AreThoseOfTheLastStep) {
  StepOutcomes outcomes;
  EXPECT_FALSE(outcomes.last());
  EXPECT_FALSE(outcomes.last_for_schedules());
  outcomes.add(true);
  EXPECT_TRUE(outcomes.last());
  EXPECT_TRUE(outcomes.last_for_schedules());
  outcomes.add(false);
  EXPECT_FALSE(outcomes.last());
  EXPECT_FALSE(outcomes.last_for_schedules());
}

// However soon it arrives: a rank whose device is faster must not go by another step.
TEST(StepOutcomes, LetSchedulesGoByTheStepBeforeOneThatIsUnderWay) {
  StepOutcomes outcomes;
  std::vector<bool> stand_still;
  for (const bool overflow : {true, true, false, true, false}) {
    outcomes.add(flag(overflow), [] {});
    EXPECT_EQ(outcomes.last(), overflow);
    stand_still.push_back(outcomes.last_for_schedules());
  }
  EXPECT_EQ(stand_still, (std::vector<bool>{false, true, true, false, true}));
}

TEST(StepOutcomes, GoOnAfterARestartAsTheyWould) {
  for (const bool is_late : {false, true}) {
    StepOutcomes unbroken, resumed;
    const auto add = [is_late](StepOutcomes& to, bool skipped) {
      is_late ? to.add(flag(skipped), [] {}) : to.add(skipped);
    };
    for (const bool skipped : {true, false, true, true, false, false, true, false}) {
      StepOutcomes next;
      next.load(resumed.save());
      resumed = next;
      EXPECT_EQ(resumed.last(), unbroken.last());
      EXPECT_EQ(resumed.last_for_schedules(), unbroken.last_for_schedules());
      add(unbroken, skipped), add(resumed, skipped);
      EXPECT_EQ(resumed.last_for_schedules(), unbroken.last_for_schedules());
    }
  }
}

TEST(StepOutcomes, SayOnceThatAStepWasSkipped) {
  StepOutcomes outcomes;
  std::vector<int> skipped;
  for (int step = 0; step < 4; ++step)
    outcomes.add(flag(step % 2 == 1), [step, &skipped] { skipped.push_back(step); });
  outcomes.poll();
  outcomes.last();
  EXPECT_EQ(skipped, (std::vector<int>{1, 3}));
}

}  // namespace
}  // namespace accelerate
