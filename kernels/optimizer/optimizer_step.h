// A step of an optimizer on the CPU, in one pass over the arrays.
//
// Example:
//   optimizer_step({.lr = 1e-3, .weight_decay = 1e-2, .decoupled_weight_decay = true}, step,
//                  1.0 / loss_scale,
//                  OptimizerArrays<Adam, float>{
//                      .parameter = p, .gradient = g, .state = {exp_avg, exp_avg_sq}, .count = n});
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/optimizer/rule.h"
#include "kernels/simd/by_level.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

// Each of `count` elements.
template <OptimizerRule Rule, class T>
struct OptimizerArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* state[Rule::kStates] = {};  // In the order of Rule::State; null where an optional one is not.
  int64_t count = 0;
};

// Compiled once for each level, by optimizer_rule.
template <OptimizerRule Rule, SimdLevel kLevel>
void step_loop(const typename Rule::template Scalars<float>& scalars,
               const OptimizerArrays<Rule, float>& arrays);
template <OptimizerRule Rule, SimdLevel kLevel>
void step_loop(const typename Rule::template Scalars<double>& scalars,
               const OptimizerArrays<Rule, double>& arrays);

// For gradient[i] * gradient_factor, in float or double. `step` is the number of this step of the
// parameter, counted from 1. The result has the same bits at every level.
template <OptimizerRule Rule, class T>
void optimizer_step(const typename Rule::Options& options, int64_t step, double gradient_factor,
                    const OptimizerArrays<Rule, T>& arrays, SimdLevel level = best_simd_level()) {
  const auto scalars = Rule::template scalars<T>(options, step, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { step_loop<Rule, kLevel>(scalars, arrays); });
}

}  // namespace accelerate::kernels
