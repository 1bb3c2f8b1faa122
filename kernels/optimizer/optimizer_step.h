// A step of an optimizer on the CPU, in one pass over the arrays.
//
// Example:
//   optimizer_step({.lr = 1e-3, .weight_decay = 1e-2, .decoupled_weight_decay = true}, step,
//                  1.0 / loss_scale,
//                  OptimizerArrays<Adam, float>{
//                      .parameter = p, .gradient = g, .state = {exp_avg, exp_avg_sq}, .count = n});
//
// For a parameter whose moments are in bfloat16, pass RoundedArrays instead of OptimizerArrays.
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/optimizer/moment_rounding.h"
#include "kernels/optimizer/rule.h"
#include "kernels/simd/by_level.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

// Each array has `count` elements.
template <OptimizerRule Rule, class T>
struct OptimizerArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* state[Rule::kStates] = {};  // In the order of Rule::State; null for an optional one left out.
  int64_t count = 0;
};

// The same for a whole parameter with moments in bfloat16. A step takes its elements from `begin`
// to `end`.
template <OptimizerRule Rule>
struct RoundedArrays {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  // As in OptimizerArrays: the first kMoments<Rule> are of BFloat16, the others of float.
  void* state[Rule::kStates] = {};
  int64_t begin = 0;
  int64_t end = 0;
  uint64_t seed = 0;  // From parameter_seed().
};

// Compiled once for each level, by optimizer_rule.
template <OptimizerRule Rule, SimdLevel kLevel>
void step_loop(const typename Rule::template Scalars<float>& scalars,
               const OptimizerArrays<Rule, float>& arrays);
template <OptimizerRule Rule, SimdLevel kLevel>
void step_loop(const typename Rule::template Scalars<double>& scalars,
               const OptimizerArrays<Rule, double>& arrays);
template <OptimizerRule Rule, SimdLevel kLevel>
void step_loop(const typename Rule::template Scalars<float>& scalars, RoundingKey key,
               const RoundedArrays<Rule>& arrays);

// Takes gradient[i] * gradient_factor as the gradient, in float or double. `step` is the number of
// this step of the parameter, counted from 1. The result has the same bits at every level.
template <OptimizerRule Rule, class T>
void optimizer_step(const typename Rule::Options& options, int64_t step, double gradient_factor,
                    const OptimizerArrays<Rule, T>& arrays, SimdLevel level = best_simd_level()) {
  const auto scalars = Rule::template scalars<T>(options, step, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { step_loop<Rule, kLevel>(scalars, arrays); });
}

// The result has the same bits in whatever parts a parameter is stepped.
template <HasMoments Rule>
void optimizer_step(const typename Rule::Options& options, int64_t step, double gradient_factor,
                    const RoundedArrays<Rule>& arrays, SimdLevel level = best_simd_level()) {
  const auto scalars = Rule::template scalars<float>(options, step, gradient_factor);
  const RoundingKey key = rounding_key(arrays.seed, step);
  by_level(level, [&]<SimdLevel kLevel>() { step_loop<Rule, kLevel>(scalars, key, arrays); });
}

}  // namespace accelerate::kernels
