#include "kernels/sgd/sgd_chunk.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sgd/sgd_slot.h"
#include "kernels/testing/optimizer_test.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/by_type.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

// Three steps by chunks and three by sgd(), from gradients of any type, to the same bits.
void expect_as_sgd(const SgdOptions& options, ElementType type, int64_t count, int64_t offset) {
  by_type(type, [&]<class Gradient>() {
    OptimizerRun<float> expected(count, 0.25);
    TestArray<Gradient> gradient(count, offset);
    fill_normal(gradient, 2);
    TestArray<float> parameter(count, offset), momentum_buffer(count, offset);
    for (int64_t i = 0; i < count; ++i) {
      expected.gradient[i] = convert<float>(gradient[i]);
      parameter[i] = expected.parameter[i];
      momentum_buffer[i] = 0.25;
    }
    const bool momentum = options.momentum != 0;
    SgdSlot slot;
    for (const OptimizerStep& step : kOptimizerSteps) {
      sgd(options, step.number == 1, step.gradient_factor,
          SgdArrays<float>{.parameter = expected.parameter.data(),
                           .gradient = expected.gradient.data(),
                           .momentum_buffer = momentum ? expected.state[0].data() : nullptr,
                           .count = count});
      const SgdPiece piece = {.parameter = parameter.data(),
                              .gradient = gradient.data(),
                              .gradient_type = type,
                              .momentum_buffer = momentum ? momentum_buffer.data() : nullptr,
                              .count = count};
      begin_sgd(options, {.gradient_factor = step.gradient_factor}, piece, slot);
      run_chunks(std::vector{piece}, [&](const SgdPiece& each, const Chunk& chunk, Worker worker) {
        sgd_chunk(slot.scalars, each, chunk, worker);
      });
    }
    EXPECT_TRUE(parameter.same_as(expected.parameter)) << count;
    EXPECT_TRUE(momentum_buffer.same_as(expected.state[0])) << count;
    EXPECT_TRUE(parameter.guards_intact()) << count;
    EXPECT_TRUE(momentum_buffer.guards_intact()) << count;
  });
}

TEST(SgdChunk, DoesWhatSgdDoes) {
  for (const ElementType type : {ElementType::kFloat, ElementType::kHalf, ElementType::kBFloat16}) {
    for (const int64_t count : test_counts()) {
      for (const int64_t offset : {0, 1, 4}) {
        expect_as_sgd({.lr = 0.1}, type, count, offset);
        expect_as_sgd({.lr = 0.1, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.3}, type,
                      count, offset);
        expect_as_sgd({.lr = 0.1, .momentum = 0.8, .weight_decay = 0.3, .nesterov = true}, type,
                      count, offset);
      }
    }
  }
}

TEST(SgdSlot, CountsStepsWithMomentumAndWithoutAnOverflow) {
  float buffer = 0;
  const SgdPiece with = {.momentum_buffer = &buffer, .count = 1}, without = {.count = 1};
  SgdSlot slot;
  begin_sgd({}, {}, without, slot);
  begin_sgd({}, {.overflow = 1}, with, slot);
  EXPECT_EQ(slot.number, 0);
  begin_sgd({}, {}, with, slot);
  EXPECT_EQ(slot.number, 1);
  EXPECT_TRUE(slot.scalars.first_step);
  begin_sgd({}, {}, with, slot);
  EXPECT_FALSE(slot.scalars.first_step);
}

}  // namespace
}  // namespace accelerate::kernels
