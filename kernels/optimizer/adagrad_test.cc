#include "kernels/optimizer/rules/adagrad.h"

#include <cmath>

#include "gtest/gtest.h"
#include "kernels/testing/optimizer_test.h"

namespace accelerate::kernels {
namespace {

void expect_adagrad(const AdagradOptions& options) {
  expect_steps<Adagrad>(
      options, {true},
      [&](const OptimizerStep& step, double g, double& p, ElementState& state) {
        double& sum = state[0];
        g += options.weight_decay * p;
        sum += g * g;
        const double lr = options.lr / (1 + (step.number - 1) * options.lr_decay);
        p -= lr * g / (std::sqrt(sum) + options.eps);
      },
      0.1);
}

TEST(Adagrad, IsAdagradWithEveryOption) {
  expect_adagrad({.lr = 0.1});
  expect_adagrad({.lr = 0.1, .lr_decay = 0.5, .weight_decay = 0.3, .eps = 0.05});
}

}  // namespace
}  // namespace accelerate::kernels
