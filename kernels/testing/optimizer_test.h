// The test that all optimizers share. It takes some steps on arrays of every length and alignment,
// compares them with the definition for one element, in double, and expects the same bits at every
// SIMD level.
//
// Example:
//   expect_steps<Sgd>(
//       {.lr = 0.1}, {},
//       [](const OptimizerStep& step, double gradient, double& parameter, ElementState& state) {
//         parameter -= 0.1 * gradient;
//       });
//
// Not for special values: see the test of each optimizer.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/test_array.h"

namespace accelerate::kernels {

struct OptimizerStep {
  int64_t number;
  double gradient_factor;
};

// What an optimizer keeps for an element, in an order that it chooses.
using ElementState = std::array<double, 3>;

// Which arrays of the state exist, in the order of the rule's.
using PresentState = std::array<bool, 3>;

template <class T>
struct OptimizerRun {
  OptimizerRun(int64_t count, double initial_state)
      : parameter(count, count % 3),
        gradient(count, count % 5),
        state{TestArray<T>(count, 1), TestArray<T>(count, 2), TestArray<T>(count, count % 7)} {
    fill_normal(parameter, 1);
    fill_normal(gradient, 2);
    for (TestArray<T>& array : state) {
      for (T& element : array.elements()) element = static_cast<T>(initial_state);
    }
  }

  template <class Rule>
  OptimizerArrays<Rule, T> arrays(const PresentState& present, int64_t count) {
    OptimizerArrays<Rule, T> arrays = {
        .parameter = parameter.data(), .gradient = gradient.data(), .count = count};
    for (int i = 0; i < Rule::kStates; ++i) {
      if (present[i]) arrays.state[i] = state[i].data();
    }
    return arrays;
  }

  TestArray<T> parameter;
  TestArray<T> gradient;
  std::array<TestArray<T>, 3> state;
};

// The factors shrink, so that averages fall and their maximum does not.
constexpr std::array kOptimizerSteps = {OptimizerStep{1, 2}, OptimizerStep{2, -0.5},
                                        OptimizerStep{3, 0.125}};

template <class Rule, class T, class Reference>
void expect_steps_of(const typename Rule::Options& options, const PresentState& present,
                     const Reference& reference, double initial_state) {
  const double tolerance = std::is_same_v<T, float> ? 4e-6 : 1e-14;
  for (const int64_t count : test_counts()) {
    const OptimizerRun<T> initial(count, initial_state);
    OptimizerRun<T> baseline = initial;
    for (const SimdLevel level : usable_simd_levels()) {
      OptimizerRun<T> run = initial;
      for (const OptimizerStep& step : kOptimizerSteps) {
        optimizer_step(options, step.number, step.gradient_factor,
                       run.template arrays<Rule>(present, count), level);
      }
      if (level == SimdLevel::kBaseline) baseline = run;
      EXPECT_TRUE(run.gradient.same_as(initial.gradient));
      EXPECT_TRUE(run.parameter.same_as(baseline.parameter)) << count;
      EXPECT_TRUE(run.parameter.guards_intact()) << count;
      for (std::size_t i = 0; i < run.state.size(); ++i) {
        EXPECT_TRUE(run.state[i].same_as(baseline.state[i])) << count;
        EXPECT_TRUE(run.state[i].guards_intact()) << count;
      }
    }
    OptimizerRun<T> start = initial;
    for (int64_t i = 0; i < count; ++i) {
      double parameter = start.parameter[i];
      ElementState state;
      state.fill(static_cast<T>(initial_state));
      for (const OptimizerStep& step : kOptimizerSteps) {
        reference(step, start.gradient[i] * step.gradient_factor, parameter, state);
      }
      EXPECT_NEAR(baseline.parameter[i], parameter, tolerance * (1 + std::abs(parameter))) << i;
      for (std::size_t j = 0; j < state.size(); ++j) {
        if (std::isnan(state[j])) continue;  // The optimizer does not use it.
        EXPECT_NEAR(baseline.state[j][i], state[j], tolerance * (1 + std::abs(state[j]))) << i;
      }
    }
  }
}

template <class Rule, class Reference>
void expect_steps(const typename Rule::Options& options, const PresentState& present,
                  const Reference& reference, double initial_state = 0) {
  expect_steps_of<Rule, float>(options, present, reference, initial_state);
  expect_steps_of<Rule, double>(options, present, reference, initial_state);
}

}  // namespace accelerate::kernels
