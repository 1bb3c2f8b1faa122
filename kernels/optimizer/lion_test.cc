#include "kernels/optimizer/rules/lion.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

void expect_lion(const LionOptions& options) {
  expect_steps<Lion>(
      options, {true},
      [&](const OptimizerStep&, double g, double& p, ElementState& state) {
        double& m = state[0];
        const double c = options.beta1 * m + (1 - options.beta1) * g;
        const double sign = c > 0 ? 1 : c < 0 ? -1 : 0;
        p -= options.lr * (sign + options.weight_decay * p);
        m = options.beta2 * m + (1 - options.beta2) * g;
      },
      0.1);
}

TEST(Lion, IsThatOfThePaper) {
  expect_lion({.lr = 0.1});
  expect_lion({.lr = 0.1, .beta1 = 0.6, .beta2 = 0.8, .weight_decay = 0.3});
}

TEST(Lion, TakesNoStepWithoutADirection) {
  float parameter = 2, exp_avg = 0;
  const float gradient = 0;
  optimizer_step({}, 1, 1, OptimizerArrays<Lion, float>{&parameter, &gradient, {&exp_avg}, 1});
  EXPECT_EQ(parameter, 2);
  EXPECT_EQ(exp_avg, 0);
}

TEST(Lion, DoesNotHideWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const SimdLevel level : usable_simd_levels()) {
    OptimizerRun<float> run(40, 0);
    run.parameter[1] = kInfinity;
    run.gradient[2] = std::numeric_limits<float>::quiet_NaN();
    run.gradient[3] = kInfinity;
    optimizer_step({}, 1, 1, run.arrays<Lion>({true}, 40), level);
    EXPECT_EQ(run.parameter[1], kInfinity);
    EXPECT_TRUE(std::isnan(run.parameter[2]));
    EXPECT_TRUE(std::isnan(run.state[0][2]));
    EXPECT_TRUE(std::isfinite(run.parameter[3]));
    EXPECT_EQ(run.state[0][3], kInfinity);
    EXPECT_TRUE(std::isfinite(run.parameter[4]));
  }
}

}  // namespace
}  // namespace accelerate::kernels
