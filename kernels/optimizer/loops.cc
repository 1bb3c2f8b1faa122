// Compiled by optimizer_rule for each rule and each level of SIMD.
#include <cstddef>
#include <cstdint>
#include <utility>

#include ACCELERATE_RULE_HEADER
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rule.h"
#include "kernels/simd/independent_iterations.h"
#include "kernels/simd/this_level.h"

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

}  // namespace accelerate::kernels
