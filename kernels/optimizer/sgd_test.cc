#include "kernels/optimizer/rules/sgd.h"

#include <limits>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

// The momentum buffer starts as NaN: the first step must not read it.
void expect_sgd(const SgdOptions& options) {
  const bool has_buffer = options.momentum != 0;
  expect_steps<Sgd>(
      options, {has_buffer},
      [&](const OptimizerStep& step, double g, double& p, ElementState& state) {
        g += options.weight_decay * p;
        if (has_buffer) {
          double& buffer = state[0];
          buffer = step.number == 1 ? g : options.momentum * buffer + (1 - options.dampening) * g;
          g = options.nesterov ? g + options.momentum * buffer : buffer;
        }
        p -= options.lr * g;
      },
      std::numeric_limits<double>::quiet_NaN());
}

TEST(Sgd, IsPlain) { expect_sgd({.lr = 0.1}); }
TEST(Sgd, HasWeightDecay) { expect_sgd({.lr = 0.1, .weight_decay = 0.3}); }
TEST(Sgd, HasMomentum) { expect_sgd({.lr = 0.1, .momentum = 0.8}); }
TEST(Sgd, HasDampening) {
  expect_sgd({.lr = 0.1, .momentum = 0.8, .dampening = 0.4, .weight_decay = 0.3});
}
TEST(Sgd, HasNesterovMomentum) {
  expect_sgd({.lr = 0.1, .momentum = 0.8, .weight_decay = 0.3, .nesterov = true});
}

TEST(Sgd, KeepsAnInfiniteParameterWithoutWeightDecay) {
  float parameter = std::numeric_limits<float>::infinity();
  const float gradient = 1;
  optimizer_step({}, 1, 1, OptimizerArrays<Sgd, float>{&parameter, &gradient, {}, 1});
  EXPECT_EQ(parameter, std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace accelerate::kernels
