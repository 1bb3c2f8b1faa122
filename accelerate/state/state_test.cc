#include "accelerate/state/state.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/comm/testing/world_test.h"
#include "accelerate/state/generators.h"
#include "accelerate/state/shared_state.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

TEST(State, NamesWhatIsMissingOrOfAnotherKind) {
  State state;
  state.set("steps", int64_t{3});
  EXPECT_EQ(state.integer("steps"), 3);
  EXPECT_THAT(message_of([&] { state.integer("scale"); }), HasSubstr("the state has no `scale`"));
  EXPECT_THAT(message_of([&] { state.text("steps"); }), HasSubstr("`steps` of the state is not"));
}

TEST(State, RefusesWhatIsNoCount) {
  State state;
  for (const int64_t right : {int64_t{0}, int64_t{7}, int64_t{1} << 53}) {
    state.set("steps", right);
    EXPECT_EQ(state.count("steps"), right);
  }
  for (const int64_t wrong : {int64_t{-1}, (int64_t{1} << 53) + 1}) {
    state.set("steps", wrong);
    EXPECT_THAT(message_of([&] { state.count("steps"); }),
                HasSubstr("`steps` of the state is " + std::to_string(wrong)));
  }
}

TEST(State, HoldsOthersUnderAPrefix) {
  State inner, outer;
  inner.set("a", 1.5);
  outer.set_all("1", inner);
  outer.set("10.a", 2.5);
  EXPECT_EQ(outer.number("1.a"), 1.5);
  EXPECT_EQ(outer.part("1").values().size(), 1u);
  EXPECT_EQ(outer.part("1").number("a"), 1.5);
}

TEST(State, GoesOnDrawingTheSameNumbers) {
  Generators generators(at::kCPU);
  at::manual_seed(3);
  const State saved = generators.save();
  const at::Tensor first = at::rand({4});
  at::rand({100});
  generators.load(saved);
  EXPECT_TRUE(at::equal(at::rand({4}), first));
}

TEST(State, IsRefusedByGeneratorsBeforeTheyChange) {
  Generators generators(at::kCPU);
  at::manual_seed(3);
  const State right = generators.save();
  const at::Tensor& bytes = right.tensor("cpu");
  for (const at::Tensor& wrong :
       {bytes.slice(0, 0, 8), bytes.to(at::kFloat), at::zeros_like(bytes)}) {
    State state;
    state.set("cpu", wrong);
    EXPECT_THAT(message_of([&] { generators.check(state); }), HasSubstr("`cpu`"));
  }
  EXPECT_TRUE(at::equal(generators.save().tensor("cpu"), bytes));
  EXPECT_EQ(message_of([&] { generators.check(right); }), "no error");
}

TEST(State, SaysWhatReadsAValueOfAnotherKind) {
  State state;
  state.set("n", int64_t{3});
  state.set("sum", 0.5);
  EXPECT_THAT(
      message_of([&] { state.number("n"); }),
      HasSubstr("`n` of the state is not a number, but an integer; read it with integer()"));
  EXPECT_THAT(message_of([&] { state.integer("sum"); }), HasSubstr("read it with number()"));
  EXPECT_THAT(message_of([&] { state.text("n"); }), HasSubstr("is not a text, but an integer"));
  EXPECT_THAT(message_of([&] { state.number("none"); }), HasSubstr("the state has no `none`"));
}

class SharedState : public WorldTest {};

TEST_F(SharedState, GivesAllRanksTheValuesOfOne) {
  State own;
  own.set("number", 0.5 + rank_);
  own.set("integer", int64_t{rank_});
  own.set("text", std::string("rank\0", 5) + std::to_string(rank_));
  if (rank_ == 1) own.set("only there", std::string());
  const State shared = broadcast_state(*world_, at::kCPU, own, /*root=*/1);
  EXPECT_EQ(shared.number("number"), 1.5);
  EXPECT_EQ(shared.integer("integer"), 1);
  EXPECT_EQ(shared.text("text"), std::string("rank\0", 5) + "1");
  EXPECT_EQ(shared.text("only there"), "");
}

TEST_F(SharedState, WritesTensorsInPlaceWhereTheyFit) {
  for (const auto type : {at::kFloat, at::kLong, at::kBool, at::kComplexFloat}) {
    State own;
    const at::Tensor there = at::full({3, 2}, rank_, type).t();
    own.set("there", there);
    own.set("of another size", at::full({2 + rank_}, rank_, type));
    own.set("empty", at::empty({0}, type));
    if (rank_ == 1) own.set("new", at::scalar_tensor(1, type));
    const State shared = broadcast_state(*world_, at::kCPU, own, /*root=*/1);
    EXPECT_TRUE(shared.tensor("there").is_same(there)) << type;
    EXPECT_TRUE(at::equal(there, at::ones({2, 3}, type))) << type;
    EXPECT_EQ(there.strides(), at::IntArrayRef({1, 2}));
    EXPECT_TRUE(at::equal(shared.tensor("of another size"), at::ones({3}, type))) << type;
    EXPECT_EQ(shared.tensor("empty").numel(), 0);
    EXPECT_TRUE(at::equal(shared.tensor("new"), at::scalar_tensor(1, type))) << type;
  }
}

}  // namespace
}  // namespace accelerate
