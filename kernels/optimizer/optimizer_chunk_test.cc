#include "kernels/optimizer/optimizer_chunk.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/optimizer/moment_rounding.h"
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
        step_chunk<float>(slot, each, chunk, worker);
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

// Three steps with moments in bfloat16, by chunks and by optimizer_step(), to the same bits.
template <class Gradient>
void expect_rounded_as_loops(ElementType type, bool amsgrad, int64_t count, int64_t offset) {
  const AdamOptions options = {.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .weight_decay = 0.3};
  TestArray<Gradient> gradient(count, offset);
  fill_normal(gradient, 2);
  TestArray<float> floats(count, 0);
  for (int64_t i = 0; i < count; ++i) floats[i] = convert<float>(gradient[i]);
  struct Run {
    TestArray<float> parameter, max;
    TestArray<BFloat16> first, second;
  };
  const auto run_at = [&](int64_t at) {
    Run run = {{count, at}, {count, at}, {count, at}, {count, at}};
    fill_normal(run.parameter, 1);
    return run;
  };
  Run expected = run_at(0), run = run_at(offset);
  const auto state_of = [&](Run& of, auto& state) {
    state[Adam::kExpAvg] = of.first.data();
    state[Adam::kExpAvgSq] = of.second.data();
    state[Adam::kMaxExpAvgSq] = amsgrad ? of.max.data() : nullptr;
  };
  RoundedArrays<Adam> arrays = {.parameter = expected.parameter.data(),
                                .gradient = floats.data(),
                                .end = count,
                                .seed = parameter_seed(5, 2)};
  state_of(expected, arrays.state);
  OptimizerPiece<Adam> piece = {.parameter = run.parameter.data(),
                                .gradient = gradient.data(),
                                .gradient_type = type,
                                .count = count};
  state_of(run, piece.state);
  OptimizerSlot<Adam> slot = {.seed = parameter_seed(5, 2)};
  for (const OptimizerStep& step : kOptimizerSteps) {
    optimizer_step(options, step.number, step.gradient_factor, arrays);
    begin_piece(options, {.gradient_factor = step.gradient_factor}, piece, slot);
    run_chunks(std::vector{piece}, [&](const auto& each, const Chunk& chunk, Worker worker) {
      step_chunk<BFloat16>(slot, each, chunk, worker);
    });
  }
  EXPECT_TRUE(run.parameter.same_as(expected.parameter)) << count;
  EXPECT_TRUE(run.first.same_as(expected.first) && run.first.guards_intact()) << count;
  EXPECT_TRUE(run.second.same_as(expected.second) && run.second.guards_intact()) << count;
  EXPECT_TRUE(run.max.same_as(expected.max) && run.max.guards_intact()) << count;
}

TEST(OptimizerChunk, RoundsMomentsAsLoopsDo) {
  for (const ElementType type : {ElementType::kFloat, ElementType::kHalf, ElementType::kBFloat16}) {
    by_type(type, [&]<class Gradient>() {
      for (const bool amsgrad : {false, true}) {
        for (const int64_t count : test_counts()) {
          for (const int64_t offset : {0, 1, 4})
            expect_rounded_as_loops<Gradient>(type, amsgrad, count, offset);
        }
      }
    });
  }
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
