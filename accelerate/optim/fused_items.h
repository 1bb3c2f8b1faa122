// Finds what a step works on: for each parameter with a gradient, the arrays of the optimizer's
// state and which options are its own.
//
//   FusedItems<SgdRule> items(sgd);
//   if (items.all_fit()) items.gather();
//   for (const FusedItem& item : items.items()) step(item, items.options()[item.group]);
//
// Part of the FusedOptimizer; not for others.
#pragma once

#include <c10/core/Device.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "accelerate/layout/flat_buffer.h"
#include "accelerate/optim/fused_rules.h"

namespace accelerate::internal {

// Whether a kernel steps such a parameter.
bool is_fusable(const at::Tensor& parameter);

template <class Rule>
class FusedItems {
 public:
  using State = typename Rule::State;

  // `device` is where the kernel runs.
  FusedItems(torch::optim::Optimizer& optimizer, c10::Device device)
      : optimizer_(optimizer), device_(device) {}

  c10::Device device() const { return device_; }
  const std::vector<FusedItem>& items() const { return items_; }
  // Of each group.
  const std::vector<typename Rule::Options>& options() const { return options_; }

  // Whether the kernel takes gradients and states as they are; changes nothing.
  bool all_fit() {
    for (const auto& group : optimizer_.param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        const at::Tensor& gradient = parameter.grad();
        if (!gradient.defined()) continue;
        if (!is_fusable(parameter) || parameter.device() != device_) return false;
        if (!suits(gradient, parameter)) return false;
        const State* state = find_state(parameter);
        if (state != nullptr && !Rule::fits(*state, parameter)) return false;
      }
    }
    return true;
  }

  // Counts a step of each parameter that has a gradient, and makes the state that is not there.
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
    for (auto& group : optimizer_.param_groups())
      options_.push_back(Rule::options(group.options()));
  }

  // Of each group, how many tensors of state its options call for.
  std::vector<size_t> needed() const {
    std::vector<size_t> result;
    for (auto& group : optimizer_.param_groups()) result.push_back(Rule::needed(group.options()));
    return result;
  }
  // Whether these are there, laid out as the kernel wants them, for each parameter with a gradient.
  bool has_states() const {
    for (auto& group : optimizer_.param_groups()) {
      const size_t needed = Rule::needed(group.options());
      for (const at::Tensor& parameter : group.params()) {
        if (!parameter.grad().defined() || needed == 0) continue;
        const State* state = find_state(parameter);
        if (state == nullptr) return false;
        const std::vector<at::Tensor> arrays = Rule::arrays(*state);
        for (size_t i = 0; i < needed; ++i) {
          if (!arrays[i].defined() || !same_layout(arrays[i], parameter)) return false;
        }
      }
    }
    return true;
  }

  // Whether two of the parameters lie in one memory, and so must be stepped one after the other.
  bool share_memory() {
    storages_.clear();
    for (const auto& group : optimizer_.param_groups()) {
      for (const at::Tensor& parameter : group.params())
        storages_.push_back(parameter.storage().unsafeGetStorageImpl());
    }
    std::sort(storages_.begin(), storages_.end());
    return std::adjacent_find(storages_.begin(), storages_.end()) != storages_.end();
  }

  // Of all groups, one behind the other: an item's `index` is one of this list.
  std::vector<at::Tensor> parameters() const {
    std::vector<at::Tensor> all;
    for (const auto& group : optimizer_.param_groups())
      all.insert(all.end(), group.params().begin(), group.params().end());
    return all;
  }

  // Null when there is none yet.
  State* find_state(const at::Tensor& parameter) const {
    auto& states = optimizer_.state();
    const auto found = states.find(parameter.unsafeGetTensorImpl());
    return found == states.end() ? nullptr : static_cast<State*>(found->second.get());
  }

 private:
  void add(at::Tensor& parameter, torch::optim::OptimizerParamGroup& group, size_t group_index,
           size_t index) {
    at::Tensor gradient = parameter.grad();
    if (!same_layout(gradient, parameter)) {
      gradient = laid_out(gradient, parameter.sizes(), parameter.strides());
      copies_.push_back(gradient);
    }
    FusedItem item{.parameter = parameter.mutable_data_ptr(),
                   .gradient = gradient.const_data_ptr(),
                   .count = parameter.numel(),
                   .is_double = parameter.scalar_type() == at::kDouble,
                   .group = group_index,
                   .index = index};
    if (Rule::has_state(options_[group_index]))
      Rule::gather(get_state(parameter), group.options(), parameter, item);
    items_.push_back(item);
    // So that a backward pass through the values before this step is noticed, as after every
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
  // Kept for their memory only.
  std::vector<typename Rule::Options> options_;
  std::vector<FusedItem> items_;
  std::vector<at::Tensor> copies_;
  std::vector<const c10::StorageImpl*> storages_;
};

}  // namespace accelerate::internal
