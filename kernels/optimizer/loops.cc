// Compiled by optimizer_rule for each rule and each level of SIMD.
#include <cstddef>
#include <cstdint>
#include <utility>

#include ACCELERATE_RULE_HEADER
#include "kernels/optimizer/moment_rounding.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rule.h"
#include "kernels/simd/independent_iterations.h"
#include "kernels/simd/this_level.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

using Rule = ACCELERATE_RULE;

template <bool... kPresent, class T, std::size_t... kState>
void step_elements(const Rule::Scalars<T> scalars, const OptimizerArrays<Rule, T>& arrays,
                   std::index_sequence<kState...>) {
  T* parameter = arrays.parameter;
  const T* gradient = arrays.gradient;
  T* const state[] = {arrays.state[kState]...};
  const int64_t count = arrays.count;
  T unused = 0;
  // __restrict does not survive the references of the element function.
  ACCELERATE_INDEPENDENT_ITERATIONS
  for (int64_t i = 0; i < count; ++i) {
    Rule::element<kPresent...>(
        scalars, gradient[i], parameter[i],
        (kHasState<Rule, kState, kPresent...> ? state[kState][i] : unused)...);
  }
}

template <class T>
void step_arrays(const Rule::Scalars<T>& scalars, const OptimizerArrays<Rule, T>& arrays) {
  by_present<Rule>(
      arrays.state, [&]<bool... kPresent>() {
        step_elements<kPresent...>(scalars, arrays, std::make_index_sequence<Rule::kStates>());
      });
}

template <bool... kPresent, std::size_t... kState>
void step_rounded_elements(const Rule::Scalars<float> scalars, const RoundingKey key,
                           const RoundedArrays<Rule>& arrays, std::index_sequence<kState...>) {
  float* parameter = arrays.parameter;
  const float* gradient = arrays.gradient;
  void* const state[] = {arrays.state[kState]...};
  const int64_t begin = arrays.begin, end = arrays.end;
  ACCELERATE_INDEPENDENT_ITERATIONS
  for (int64_t i = begin; i < end; ++i) {
    const RandomBits random = random_bits(key, static_cast<uint32_t>(i));
    float values[] = {
        (kHasState<Rule, kState, kPresent...>
             ? convert<float>(
                   static_cast<const StateElement<Rule, kState, BFloat16>*>(state[kState])[i])
             : 0)...};
    Rule::element<kPresent...>(scalars, gradient[i], parameter[i], values[kState]...);
    ((kHasState<Rule, kState, kPresent...>
          ? assign(static_cast<StateElement<Rule, kState, BFloat16>*>(state[kState])[i],
                   values[kState], random.of(kState))
          : void()),
     ...);
  }
}

}  // namespace

template <>
void step_loop<Rule, kThisLevel>(const Rule::Scalars<float>& scalars,
                                 const OptimizerArrays<Rule, float>& arrays) {
  step_arrays(scalars, arrays);
}

template <>
void step_loop<Rule, kThisLevel>(const Rule::Scalars<double>& scalars,
                                 const OptimizerArrays<Rule, double>& arrays) {
  step_arrays(scalars, arrays);
}

template <>
void step_loop<Rule, kThisLevel>(const Rule::Scalars<float>& scalars, RoundingKey key,
                                 const RoundedArrays<Rule>& arrays) {
  by_present<Rule>(
      arrays.state, [&]<bool... kPresent>() {
        step_rounded_elements<kPresent...>(scalars, key, arrays,
                                           std::make_index_sequence<Rule::kStates>());
      });
}

}  // namespace accelerate::kernels
