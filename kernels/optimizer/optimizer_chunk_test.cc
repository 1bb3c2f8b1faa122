#include "kernels/optimizer/optimizer_chunk.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/testing/optimizer_cases.h"
#include "kernels/testing/optimizer_test.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

// Three steps by chunks and three by optimizer_step(), from gradients of any type, to the same
// bits.
template <class Rule>
void expect_as_loops(const OptimizerCase<Rule>& given, ElementType type, int64_t count,
                     int64_t offset) {
  const auto& [options, present] = given;
  by_type(type, [&]<class Gradient>() {
    OptimizerRun<float> expected(count, 0.25);
    TestArray<Gradient> gradient(count, offset);
    fill_normal(gradient, 2);
    TestArray<float> parameter(count, offset);
    std::vector<TestArray<float>> state(Rule::kStates, parameter);
    for (int64_t i = 0; i < count; ++i) {
      expected.gradient[i] = convert<float>(gradient[i]);
      parameter[i] = expected.parameter[i];
      for (TestArray<float>& array : state) array[i] = 0.25;
    }
    OptimizerPiece<Rule> piece = {.parameter = parameter.data(),
                                  .gradient = gradient.data(),
                                  .gradient_type = type,
                                  .count = count};
    for (int i = 0; i < Rule::kStates; ++i) {
      if (present[i]) piece.state[i] = state[i].data();
    }
    OptimizerSlot<Rule> slot;
    for (const OptimizerStep& step : kOptimizerSteps) {
      optimizer_step(options, step.number, step.gradient_factor,
                     expected.arrays<Rule>(present, count));
      begin_piece(options, {.gradient_factor = step.gradient_factor}, piece, slot);
      run_chunks(std::vector{piece}, [&](const auto& each, const Chunk& chunk, Worker worker) {
        step_chunk(slot.scalars, each, chunk, worker);
      });
    }
    EXPECT_TRUE(parameter.same_as(expected.parameter)) << count;
    EXPECT_TRUE(parameter.guards_intact()) << count;
    for (int i = 0; i < Rule::kStates; ++i) {
      EXPECT_TRUE(state[i].same_as(expected.state[i])) << count;
      EXPECT_TRUE(state[i].guards_intact()) << count;
    }
  });
}

TEST(OptimizerChunk, DoesWhatLoopsDo) {
  for_all_optimizers([]<class Rule>(const OptimizerCase<Rule>& each) {
    for (const ElementType type :
         {ElementType::kFloat, ElementType::kHalf, ElementType::kBFloat16}) {
      for (const int64_t count : test_counts()) {
        for (const int64_t offset : {0, 1, 4}) {
          expect_as_loops(each, type, count, offset);
        }
      }
    }
  });
}

TEST(OptimizerSlot, DoesNotCountAStepWithAnOverflow) {
  float array = 0;
  const OptimizerPiece<Adam> piece = {.state = {&array, &array}, .count = 1};
  OptimizerSlot<Adam> slot = {.number = 3};
  begin_piece({}, {.overflow = 1}, piece, slot);
  EXPECT_EQ(slot.number, 3);
  begin_piece({}, {}, piece, slot);
  EXPECT_EQ(slot.number, 4);
}

TEST(OptimizerSlot, CountsStepsWithAStateAndWithoutAnOverflow) {
  float buffer = 0;
  const OptimizerPiece<Sgd> with = {.state = {&buffer}, .count = 1}, without = {.count = 1};
  OptimizerSlot<Sgd> slot;
  begin_piece({}, {}, without, slot);
  begin_piece({}, {.overflow = 1}, with, slot);
  EXPECT_EQ(slot.number, 0);
  begin_piece({}, {}, with, slot);
  EXPECT_EQ(slot.number, 1);
  EXPECT_TRUE(slot.scalars.first_step);
  begin_piece({}, {}, with, slot);
  EXPECT_FALSE(slot.scalars.first_step);
}

}  // namespace
}  // namespace accelerate::kernels
