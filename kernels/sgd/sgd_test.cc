#include "kernels/sgd/sgd.h"

#include <limits>

#include "gtest/gtest.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

// The momentum buffer starts as NaN: the first step must not read it.
void expect_sgd(const SgdOptions& options) {
  const bool has_buffer = options.momentum != 0;
  expect_steps(
      [&]<class T>(const OptimizerStep& step, const OptimizerArrays<T>& arrays, SimdLevel level) {
        sgd(options, step.number == 1, step.gradient_factor,
            SgdArrays<T>{.parameter = arrays.parameter,
                         .gradient = arrays.gradient,
                         .momentum_buffer = has_buffer ? arrays.state[0] : nullptr,
                         .count = arrays.count},
            level);
      },
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
  sgd({}, true, 1, SgdArrays<float>{&parameter, &gradient, nullptr, 1});
  EXPECT_EQ(parameter, std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace accelerate::kernels
