#include "kernels/optimizer/rules/rmsprop.h"

#include <cmath>

#include "gtest/gtest.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

void expect_rmsprop(const RmsPropOptions& options, bool centered) {
  const bool has_buffer = options.momentum != 0;
  expect_steps<RmsProp>(options, {true, has_buffer, centered},
                        [&](const OptimizerStep&, double g, double& p, ElementState& state) {
                          auto& [square_avg, buffer, grad_avg] = state;
                          g += options.weight_decay * p;
                          square_avg = options.alpha * square_avg + (1 - options.alpha) * g * g;
                          double variance = square_avg;
                          if (centered) {
                            grad_avg = options.alpha * grad_avg + (1 - options.alpha) * g;
                            variance -= grad_avg * grad_avg;
                          }
                          const double update = g / (std::sqrt(variance) + options.eps);
                          if (has_buffer) buffer = options.momentum * buffer + update;
                          p -= options.lr * (has_buffer ? buffer : update);
                        });
}

TEST(RmsProp, IsRmsPropWithEveryOption) {
  for (const bool centered : {false, true}) {
    for (const double momentum : {0.0, 0.7}) {
      for (const double weight_decay : {0.0, 0.3}) {
        expect_rmsprop({.lr = 0.1,
                        .alpha = 0.9,
                        .eps = 0.05,
                        .weight_decay = weight_decay,
                        .momentum = momentum},
                       centered);
      }
    }
  }
}

}  // namespace
}  // namespace accelerate::kernels
