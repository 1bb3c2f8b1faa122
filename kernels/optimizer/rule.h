// What distinguishes one optimizer from another: a rule. It is a struct in its own header in
// rules/, from which the loops of the CPU (optimizer_step.h) and the kernels of a GPU
// (optimizer_cuda.h) are made.
//
// Example:
//   struct SignSgd {
//     struct Options {
//       double lr = 1e-3;
//       friend bool operator==(const Options&, const Options&) = default;
//     };
//     template <class T>
//     struct Scalars {
//       T gradient_factor;
//       T lr;
//     };
//     enum State { kMomentum };
//     static constexpr int kStates = 1, kOptional = 1;
//
//     template <class T>
//     ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t,
//                                                      double gradient_factor) {
//       return {static_cast<T>(gradient_factor), static_cast<T>(options.lr)};
//     }
//     template <bool kHasMomentum, class T>
//     ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient,
//                                                T& parameter, T& momentum) {
//       T g = gradient * scalars.gradient_factor;
//       if constexpr (kHasMomentum) g = momentum = T{0.9} * momentum + g;
//       parameter -= g < 0 ? -scalars.lr : scalars.lr;
//     }
//   };
//   static_assert(OptimizerRule<SignSgd>);
//
// Not for optimizers that need to know more about a parameter than one element at a time, such as
// its norm.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

// A rule has:
//
//   Options      what the program chooses, in double
//   Scalars<T>   what is the same for all elements of a parameter in one step
//   scalars<T>() calculates these in double and rounds them once; the step is the parameter's,
//                counted from 1 with this one
//   State        an enum that names the arrays of the state; there are kStates, and the last
//                kOptional of them exist only with some options
//   element()    the step of one element; its bools say which of the optional arrays exist, and it
//                leaves the others alone
//   kMoments     how many of the first arrays of the state can be kept in bfloat16 (see
//                moment_rounding.h), at most 2; left out if there are none
template <class Rule>
concept OptimizerRule = std::equality_comparable<typename Rule::Options> &&
                        std::is_trivially_copyable_v<typename Rule::Options> &&
                        std::is_trivially_copyable_v<typename Rule::template Scalars<float>> &&
                        std::is_enum_v<typename Rule::State> && Rule::kStates >
0 && Rule::kOptional >= 0 &&
    Rule::kOptional <= Rule::kStates&& requires(const typename Rule::Options& options, int64_t step,
                                                double gradient_factor) {
  {
    Rule::template scalars<float>(options, step, gradient_factor)
    } -> std::same_as<typename Rule::template Scalars<float>>;
  {
    Rule::template scalars<double>(options, step, gradient_factor)
    } -> std::same_as<typename Rule::template Scalars<double>>;
};

template <class Rule>
inline constexpr int kRequired = Rule::kStates - Rule::kOptional;

template <class Rule>
inline constexpr int kMoments = [] {
  if constexpr (requires { Rule::kMoments; }) {
    static_assert(Rule::kMoments <= 2, "there are random bits for two moments of an element");
    return Rule::kMoments;
  } else {
    return 0;
  }
}();

template <class Rule>
concept HasMoments = OptimizerRule<Rule> && kMoments<Rule>
!= 0;

// The type of the elements of an array of the state, given the type in which moments are kept.
template <class Rule, std::size_t kState, class Moment>
using StateElement = std::conditional_t<(kState < kMoments<Rule>), Moment, float>;

// Whether an array of the state exists, given which of the optional ones do.
template <class Rule, std::size_t kState, bool... kPresent>
inline constexpr bool kHasState = [] {
  if constexpr (kState < kRequired<Rule>) {
    return true;
  } else {
    constexpr bool present[] = {kPresent...};
    return present[kState - kRequired<Rule>];
  }
}();

// Calls function.operator()<bool...>() with bools that say which of the optional arrays exist.
template <OptimizerRule Rule, bool... kPresent, class T, class Function>
ACCELERATE_HOST_DEVICE void by_present(T* const* state, Function function) {
  if constexpr (sizeof...(kPresent) == Rule::kOptional) {
    function.template operator()<kPresent...>();
  } else if (state[kRequired<Rule> + sizeof...(kPresent)] != nullptr) {
    by_present<Rule, kPresent..., true>(state, function);
  } else {
    by_present<Rule, kPresent..., false>(state, function);
  }
}

}  // namespace accelerate::kernels
