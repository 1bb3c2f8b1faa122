#include "kernels/adam/adam_chunk.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/adam/adam.h"
#include "kernels/adam/adam_slot.h"
#include "kernels/testing/optimizer_test.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

// Three steps by chunks and three by adam(), from gradients of any type, to the same bits.
void expect_as_adam(const AdamOptions& options, bool amsgrad, ElementType type, int64_t count,
                    int64_t offset) {
  by_type(type, [&]<class Gradient>() {
    OptimizerRun<float> expected(count, 0.25);
    TestArray<Gradient> gradient(count, offset);
    fill_normal(gradient, 2);
    for (int64_t i = 0; i < count; ++i) expected.gradient[i] = convert<float>(gradient[i]);
    TestArray<float> parameter(count, offset), exp_avg(count, offset), exp_avg_sq(count, offset),
        max_exp_avg_sq(count, offset);
    for (int64_t i = 0; i < count; ++i) {
      parameter[i] = expected.parameter[i];
      exp_avg[i] = exp_avg_sq[i] = max_exp_avg_sq[i] = 0.25;
    }
    AdamSlot slot;
    for (const OptimizerStep& step : kOptimizerSteps) {
      adam(options, step.number, step.gradient_factor,
           AdamArrays<float>{.parameter = expected.parameter.data(),
                             .gradient = expected.gradient.data(),
                             .exp_avg = expected.state[0].data(),
                             .exp_avg_sq = expected.state[1].data(),
                             .max_exp_avg_sq = amsgrad ? expected.state[2].data() : nullptr,
                             .count = count});
      begin_adam(options, {.gradient_factor = step.gradient_factor}, slot);
      const AdamPiece piece = {.parameter = parameter.data(),
                               .gradient = gradient.data(),
                               .gradient_type = type,
                               .exp_avg = exp_avg.data(),
                               .exp_avg_sq = exp_avg_sq.data(),
                               .max_exp_avg_sq = amsgrad ? max_exp_avg_sq.data() : nullptr,
                               .count = count};
      run_chunks(std::vector{piece}, [&](const AdamPiece& each, const Chunk& chunk, Worker worker) {
        adam_chunk(slot.scalars, each, chunk, worker);
      });
    }
    EXPECT_TRUE(parameter.same_as(expected.parameter)) << count;
    EXPECT_TRUE(exp_avg.same_as(expected.state[0])) << count;
    EXPECT_TRUE(exp_avg_sq.same_as(expected.state[1])) << count;
    EXPECT_TRUE(max_exp_avg_sq.same_as(expected.state[2])) << count;
    for (const auto* array : {&parameter, &exp_avg, &exp_avg_sq, &max_exp_avg_sq}) {
      EXPECT_TRUE(array->guards_intact()) << count;
    }
  });
}

TEST(AdamChunk, DoesWhatAdamDoes) {
  const AdamOptions adam = {
      .lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 0.05, .weight_decay = 0.3};
  AdamOptions adamw = adam;
  adamw.decoupled_weight_decay = true;
  for (const ElementType type : {ElementType::kFloat, ElementType::kHalf, ElementType::kBFloat16}) {
    for (const int64_t count : test_counts()) {
      for (const int64_t offset : {0, 1, 4}) {
        for (const bool amsgrad : {false, true}) {
          expect_as_adam(adam, amsgrad, type, count, offset);
          expect_as_adam(adamw, amsgrad, type, count, offset);
        }
      }
    }
  }
}

TEST(AdamSlot, DoesNotCountAStepWithAnOverflow) {
  AdamSlot slot = {.number = 3};
  begin_adam({}, {.overflow = 1}, slot);
  EXPECT_EQ(slot.number, 3);
  begin_adam({}, {}, slot);
  EXPECT_EQ(slot.number, 4);
}

}  // namespace
}  // namespace accelerate::kernels
