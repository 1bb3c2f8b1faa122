#include "kernels/optimizer/rules/adam.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

void expect_adam(const AdamOptions& options, bool amsgrad) {
  expect_steps<Adam>(options, {true, true, amsgrad},
                     [&](const OptimizerStep& step, double g, double& p, ElementState& state) {
                       auto& [m, v, max_v] = state;
                       if (options.decoupled_weight_decay) {
                         p *= 1 - options.lr * options.weight_decay;
                       } else {
                         g += options.weight_decay * p;
                       }
                       m = options.beta1 * m + (1 - options.beta1) * g;
                       v = options.beta2 * v + (1 - options.beta2) * g * g;
                       if (amsgrad) max_v = std::max(max_v, v);
                       const double correction1 = 1 - std::pow(options.beta1, step.number);
                       const double correction2 = 1 - std::pow(options.beta2, step.number);
                       const double root = std::sqrt(amsgrad ? max_v : v) / std::sqrt(correction2);
                       p -= options.lr / correction1 * m / (root + options.eps);
                     });
}

// Values at which each of the options shows.
constexpr AdamOptions kOptions = {
    .lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 0.05, .weight_decay = 0.3};

TEST(Adam, IsAdam) {
  for (const bool amsgrad : {false, true}) {
    AdamOptions options = kOptions;
    expect_adam(options, amsgrad);
    options.weight_decay = 0;
    expect_adam(options, amsgrad);
  }
}

TEST(Adam, IsAdamW) {
  for (const bool amsgrad : {false, true}) {
    AdamOptions options = kOptions;
    options.decoupled_weight_decay = true;
    expect_adam(options, amsgrad);
  }
}

TEST(Adam, HasTheDefaultsOfLibTorch) {
  float parameter = 1, exp_avg = 0, exp_avg_sq = 0;
  const float gradient = 0.5;
  optimizer_step({}, 1, 1,
                 OptimizerArrays<Adam, float>{&parameter, &gradient, {&exp_avg, &exp_avg_sq}, 1});
  EXPECT_FLOAT_EQ(parameter, 0.999);
  EXPECT_FLOAT_EQ(exp_avg, 0.05);
  EXPECT_FLOAT_EQ(exp_avg_sq, 0.00025);
}

TEST(Adam, DoesNotHideWhatIsNotFinite) {
  for (const SimdLevel level : usable_simd_levels()) {
    OptimizerRun<float> run(40, 0);
    run.parameter[1] = std::numeric_limits<float>::infinity();
    run.gradient[2] = std::numeric_limits<float>::quiet_NaN();
    for (const int64_t step : {1, 2}) {
      optimizer_step({}, step, 1, run.arrays<Adam>({true, true, true}, 40), level);
      run.gradient[2] = 0;
    }
    EXPECT_EQ(run.parameter[1], std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isfinite(run.state[0][1]));
    EXPECT_TRUE(std::isnan(run.parameter[2]));
    EXPECT_TRUE(std::isnan(run.state[2][2]));
    EXPECT_TRUE(std::isfinite(run.parameter[3]));
  }
}

}  // namespace
}  // namespace accelerate::kernels
