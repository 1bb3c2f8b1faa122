// Finds what a step works on: for each parameter with a gradient, the arrays of the optimizer's
// state and the options of its group.
//
//   FusedItems<FusedSgd> items(sgd, at::kCPU, {});
//   if (items.all_fit()) items.gather();
//   for (const auto& item : items.items()) step(item, items.options()[item.group]);
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <ATen/EmptyTensor.h>
#include <c10/core/Device.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/layout/flat_buffer.h"
#include "accelerate/optim/fused_rule.h"
#include "accelerate/optim/moment_options.h"
#include "kernels/optimizer/moment_rounding.h"
#include "kernels/optimizer/rule.h"

namespace accelerate::internal {

// Whether the kernels can step such a parameter.
bool is_fusable(const at::Tensor& parameter);
// Whether a kernel can take this gradient for the parameter; its strides may differ.
bool suits(const at::Tensor& gradient, const at::Tensor& parameter);
// The same for a tensor of the state. It may also be undefined, or on another device, where the
// parameter was when the state was made or saved. A moment may have the other type of
// MomentOptions, in which it was saved.
bool state_suits(const at::Tensor& state, const at::Tensor& parameter, bool is_moment);
// Returns the memory of the state tensor, after converting it to this type and to the parameter's
// device and strides. If the tensor is undefined, makes it and fills it with `initial`.
void* state_data(at::Tensor& state, const at::Tensor& parameter, c10::ScalarType type,
                 double initial);
// Throws c10::Error, because only the fused step can use moments in bfloat16.
[[noreturn]] void refuse_own_step(std::string_view name);

template <FusedRule Rule>
class FusedItems {
 public:
  using Kernel = typename Rule::Kernel;
  using State = typename Rule::State;

  // One parameter in one step. Arrays that it lacks are null.
  struct Item {
    void* parameter = nullptr;
    const void* gradient = nullptr;
    PerState<Kernel, void*> state = {};
    int64_t count = 0;
    bool is_double = false;
    // The number of this step, from 1; 0 if no state counts it.
    int64_t step = 0;
    // The index of the group's options, and of the parameter among those of all groups.
    size_t group = 0;
    size_t index = 0;
  };

  // `device` is where the kernel runs. Only rules that have moments can keep them in bfloat16.
  FusedItems(torch::optim::Optimizer& optimizer, c10::Device device, const MomentOptions& moments)
      : optimizer_(optimizer), device_(device), moments_(moments) {}

  c10::Device device() const { return device_; }
  bool rounds_moments() const { return moments_.type == MomentType::kBf16; }
  // The seed for rounding a parameter's moments.
  uint64_t seed_of(size_t index) const {
    return kernels::parameter_seed(moments_.seed, static_cast<int64_t>(index));
  }
  const std::vector<Item>& items() const { return items_; }
  // The options of each group.
  const std::vector<typename Kernel::Options>& options() const { return options_; }

  // Whether the kernel can take the gradients and states as they are. Changes nothing.
  bool all_fit() {
    for (const auto& group : optimizer_.param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        const at::Tensor& gradient = parameter.grad();
        if (!gradient.defined()) continue;
        if (!is_fusable(parameter) || parameter.device() != device_) return false;
        if (rounds_moments() && parameter.scalar_type() != at::kFloat) return false;
        if (!suits(gradient, parameter)) return false;
        const State* state = find_state(parameter);
        if (state == nullptr) continue;
        const auto arrays = Rule::arrays(*state);
        for (size_t i = 0; i < arrays.size(); ++i) {
          if (!state_suits(*arrays[i], parameter, is_moment(i))) return false;
        }
      }
    }
    return true;
  }

  // Returns false, so that the caller takes the optimizer's own step. Throws c10::Error if it must
  // not.
  bool leave_to_own_step() const {
    if (rounds_moments()) refuse_own_step(Rule::kName);
    return false;
  }

  // Counts a step for each parameter that has a gradient, and makes its state if it has none.
  void gather() {
    items_.clear();
    copies_.clear();
    read_options();
    size_t group_index = 0, index = 0;
    for (auto& group : optimizer_.param_groups()) {
      for (at::Tensor& parameter : group.params()) {
        if (parameter.grad().defined()) add(parameter, group, group_index, index);
        ++index;
      }
      ++group_index;
    }
  }
  void read_options() {
    options_.clear();
    for (const auto& group : optimizer_.param_groups())
      options_.push_back(Rule::kernel_options(own_options(group)));
  }

  // For each group, which tensors of the state its options require.
  std::vector<PerState<Kernel, bool>> needed() const {
    std::vector<PerState<Kernel, bool>> result;
    for (const auto& group : optimizer_.param_groups())
      result.push_back(Rule::needed(own_options(group)));
    return result;
  }
  // Whether each parameter with a gradient has these tensors, laid out as the kernel needs them.
  bool has_states() const {
    for (const auto& group : optimizer_.param_groups()) {
      const PerState<Kernel, bool> needed = Rule::needed(own_options(group));
      for (const at::Tensor& parameter : group.params()) {
        if (!parameter.grad().defined() || !any(needed)) continue;
        const State* state = find_state(parameter);
        if (state == nullptr) return false;
        const auto arrays = Rule::arrays(*state);
        for (size_t i = 0; i < needed.size(); ++i) {
          if (!needed[i]) continue;
          if (!arrays[i]->defined() || arrays[i]->device() != device_) return false;
          if (arrays[i]->scalar_type() != type_of(i, parameter)) return false;
          if (!same_layout(*arrays[i], parameter)) return false;
        }
      }
    }
    return true;
  }

  // Whether two parameters may share memory, so that they must be stepped one after the other.
  // Those that lie beside each other in one storage, as cuDNN wants those of an LSTM, do not.
  bool share_memory() {
    ranges_.clear();
    for (const auto& group : optimizer_.param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        if (parameter.numel() == 0) continue;
        const auto* begin = static_cast<const char*>(parameter.const_data_ptr());
        ranges_.push_back(
            {begin, begin + at::detail::computeStorageNbytes(parameter.sizes(), parameter.strides(),
                                                             parameter.element_size())});
      }
    }
    std::sort(ranges_.begin(), ranges_.end());
    return std::adjacent_find(ranges_.begin(), ranges_.end(),
                              [](const auto& one, const auto& next) {
                                return next.first < one.second;
                              }) != ranges_.end();
  }

  // The parameters of all groups, one group after the other. Item::index is an index of this list.
  std::vector<at::Tensor> parameters() const {
    std::vector<at::Tensor> all;
    for (const auto& group : optimizer_.param_groups())
      all.insert(all.end(), group.params().begin(), group.params().end());
    return all;
  }

  // The state of a parameter; null if it has none yet.
  State* find_state(const at::Tensor& parameter) const {
    auto& states = optimizer_.state();
    const auto found = states.find(parameter.unsafeGetTensorImpl());
    return found == states.end() ? nullptr : static_cast<State*>(found->second.get());
  }

 private:
  static const typename Rule::Options& own_options(const torch::optim::OptimizerParamGroup& group) {
    return static_cast<const typename Rule::Options&>(group.options());
  }
  static double initial(const typename Rule::Options& own) {
    if constexpr (requires { Rule::initial(own); }) return Rule::initial(own);
    return 0;
  }
  static bool is_moment(size_t array) { return array < size_t{kernels::kMoments<Kernel>}; }
  // The type that an array of the parameter's state should have.
  c10::ScalarType type_of(size_t array, const at::Tensor& parameter) const {
    return rounds_moments() && is_moment(array) ? at::kBFloat16 : parameter.scalar_type();
  }
  static bool any(const PerState<Kernel, bool>& needed) {
    return std::find(needed.begin(), needed.end(), true) != needed.end();
  }

  void add(at::Tensor& parameter, const torch::optim::OptimizerParamGroup& group,
           size_t group_index, size_t index) {
    at::Tensor gradient = parameter.grad();
    if (!same_layout(gradient, parameter)) {
      gradient = laid_out(gradient, parameter.sizes(), parameter.strides());
      copies_.push_back(gradient);
    }
    Item item{.parameter = parameter.mutable_data_ptr(),
              .gradient = gradient.const_data_ptr(),
              .count = parameter.numel(),
              .is_double = parameter.scalar_type() == at::kDouble,
              .group = group_index,
              .index = index};
    const PerState<Kernel, bool> needed = Rule::needed(own_options(group));
    if (any(needed)) {
      State& state = get_state(parameter);
      item.step = Rule::steps(state) + 1;
      Rule::count(state, 1);
      const auto arrays = Rule::arrays(state);
      for (size_t i = 0; i < needed.size(); ++i) {
        if (needed[i])
          item.state[i] =
              state_data(*arrays[i], parameter, type_of(i, parameter), initial(own_options(group)));
      }
    }
    items_.push_back(item);
    // Lets autograd notice a backward pass through the values before this step, as after every
    // in-place operator.
    parameter.unsafeGetTensorImpl()->bump_version();
  }

  State& get_state(const at::Tensor& parameter) {
    if (State* state = find_state(parameter)) return *state;
    auto made = std::make_unique<State>();
    State& state = *made;
    optimizer_.state()[parameter.unsafeGetTensorImpl()] = std::move(made);
    return state;
  }

  torch::optim::Optimizer& optimizer_;
  c10::Device device_;
  MomentOptions moments_;
  // Kept only to reuse their memory in the next step.
  std::vector<typename Kernel::Options> options_;
  std::vector<Item> items_;
  std::vector<at::Tensor> copies_;
  // Where each parameter begins and ends.
  std::vector<std::pair<const char*, const char*>> ranges_;
};

}  // namespace accelerate::internal
