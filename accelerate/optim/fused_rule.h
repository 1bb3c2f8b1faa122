// What a fused optimizer knows about LibTorch's optimizer: one struct for each optimizer, in a
// separate header. Everything else, on the CPU and on a GPU, follows from it and from the rule of
// the kernel.
//
//   static_assert(accelerate::internal::FusedRule<accelerate::internal::FusedSgd>);
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/optimizer/rule.h"

namespace accelerate::internal {

// An entry for each array of a kernel's state, in the kernel's order.
template <class Kernel, class T>
using PerState = std::array<T, Kernel::kStates>;

// The members of a rule:
//
//   Kernel            the rule of its kernel
//   Optimizer         LibTorch's optimizer, with its Options and the State of a parameter
//   kName             its name, such as "AdamW"
//   kernel_options()  the options as the kernel takes them
//   needed()          which arrays of the state the options call for
//   arrays()          the state's tensors, of which any may be undefined
//   kArrayNames       LibTorch's names for them
//   visit_options()   calls `visit` with the name of each option and a reference to it, a number or
//                     a truth
//   steps()           how many steps the state has counted; the kernel's step is the next
//   count()           adds to them
//   initial()         what arrays of the state begin with; left out where that is 0
template <class Rule>
concept FusedRule = kernels::OptimizerRule<typename Rule::Kernel> &&
    requires(const typename Rule::Options& options, typename Rule::State& state,
             const typename Rule::State& const_state, int64_t by) {
  typename Rule::Optimizer;
  { Rule::kName } -> std::convertible_to<std::string_view>;
  { Rule::kernel_options(options) } -> std::same_as<typename Rule::Kernel::Options>;
  { Rule::needed(options) } -> std::same_as<PerState<typename Rule::Kernel, bool>>;
  { Rule::arrays(state) } -> std::same_as<PerState<typename Rule::Kernel, at::Tensor*>>;
  { Rule::arrays(const_state) } -> std::same_as<PerState<typename Rule::Kernel, const at::Tensor*>>;
  { Rule::kArrayNames } -> std::convertible_to<PerState<typename Rule::Kernel, std::string_view>>;
  { Rule::steps(const_state) } -> std::same_as<int64_t>;
  Rule::count(state, by);
};

}  // namespace accelerate::internal
