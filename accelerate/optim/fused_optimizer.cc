#include "accelerate/optim/fused_optimizer.h"

#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <typeinfo>
#include <unordered_set>
#include <vector>

#include "accelerate/gradients/blocks.h"
#include "accelerate/gradients/flat_buffer.h"
#include "accelerate/optim/fused_rules.h"

namespace accelerate {
namespace internal {

bool suits(const at::Tensor& state, const at::Tensor& parameter) {
  return !state.defined() ||
         (state.layout() == at::kStrided && state.is_cpu() &&
          state.scalar_type() == parameter.scalar_type() && state.sizes() == parameter.sizes());
}

void* state_data(at::Tensor& state, const at::Tensor& parameter) {
  // A loaded one may lie otherwise.
  state = state.defined() ? laid_out(state, parameter.sizes(), parameter.strides())
                          : at::zeros_like(parameter, at::MemoryFormat::Preserve);
  return state.mutable_data_ptr();
}

}  // namespace internal

namespace {

using internal::FusedItem;
using torch::optim::Optimizer;

bool is_fusable(const at::Tensor& parameter) {
  const c10::ScalarType type = parameter.scalar_type();
  return (type == at::kFloat || type == at::kDouble) && parameter.is_cpu() &&
         parameter.layout() == at::kStrided && parameter.is_non_overlapping_and_dense();
}

bool all_fusable(const Optimizer& optimizer) {
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!is_fusable(parameter)) return false;
    }
  }
  return true;
}

template <class Rule>
class Fused final : public FusedOptimizer {
 public:
  explicit Fused(Optimizer& optimizer) : optimizer_(optimizer) {}

  std::string_view name() const override { return Rule::kName; }

  bool step(double gradient_factor) override {
    c10::AutoGradMode no_grad(false);
    if (!all_fit()) return false;
    gather();
    std::vector<int64_t> counts;
    for (const FusedItem& item : items_) counts.push_back(item.count);
    const auto run = [&](const Block& block) {
      const FusedItem& item = items_[block.array];
      if (item.is_double) {
        Rule::template run<double>(options_[item.group], gradient_factor, item, block.begin,
                                   block.count);
      } else {
        Rule::template run<float>(options_[item.group], gradient_factor, item, block.begin,
                                  block.count);
      }
    };
    for_each_block(cut_into_blocks(counts), run, /*in_order=*/share_memory());
    return true;
  }

 private:
  typename Rule::State* find_state(const at::Tensor& parameter) {
    auto& states = optimizer_.state();
    const auto found = states.find(parameter.unsafeGetTensorImpl());
    return found == states.end() ? nullptr
                                 : static_cast<typename Rule::State*>(found->second.get());
  }

  typename Rule::State& get_state(const at::Tensor& parameter) {
    if (auto* state = find_state(parameter)) return *state;
    auto made = std::make_unique<typename Rule::State>();
    auto& state = *made;
    optimizer_.state()[parameter.unsafeGetTensorImpl()] = std::move(made);
    return state;
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

  bool all_fit() {
    for (const auto& group : optimizer_.param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        const at::Tensor& gradient = parameter.grad();
        if (!gradient.defined()) continue;
        if (!is_fusable(parameter) || !internal::suits(gradient, parameter)) return false;
        const auto* state = find_state(parameter);
        if (state != nullptr && !Rule::fits(*state, parameter)) return false;
      }
    }
    return true;
  }

  void gather() {
    items_.clear();
    options_.clear();
    copies_.clear();
    for (auto& group : optimizer_.param_groups()) {
      options_.push_back(Rule::options(group.options()));
      for (at::Tensor& parameter : group.params()) {
        if (!parameter.grad().defined()) continue;
        at::Tensor gradient = parameter.grad();
        if (!same_layout(gradient, parameter)) {
          gradient = laid_out(gradient, parameter.sizes(), parameter.strides());
          copies_.push_back(gradient);
        }
        FusedItem item{.parameter = parameter.mutable_data_ptr(),
                       .gradient = gradient.const_data_ptr(),
                       .count = parameter.numel(),
                       .is_double = parameter.scalar_type() == at::kDouble,
                       .group = options_.size() - 1};
        if (Rule::has_state(options_.back()))
          Rule::gather(get_state(parameter), group.options(), parameter, item);
        items_.push_back(item);
        // So that a backward pass through the values before this step is noticed, as after every
        // in-place operator.
        parameter.unsafeGetTensorImpl()->bump_version();
      }
    }
  }

  Optimizer& optimizer_;
  // Kept for their memory only.
  std::vector<typename Rule::Options> options_;
  std::vector<FusedItem> items_;
  std::vector<at::Tensor> copies_;
  std::vector<const c10::StorageImpl*> storages_;
};

}  // namespace

std::unique_ptr<FusedOptimizer> FusedOptimizer::make(Optimizer& optimizer) {
  using namespace torch::optim;  // NOLINT: five classes and their options
  if (!all_fusable(optimizer)) return nullptr;
  const std::type_info& type = typeid(optimizer);
  if (type == typeid(AdamW))
    return std::make_unique<Fused<internal::AdamRule<AdamWOptions, AdamWParamState, true>>>(
        optimizer);
  if (type == typeid(Adam))
    return std::make_unique<Fused<internal::AdamRule<AdamOptions, AdamParamState, false>>>(
        optimizer);
  if (type == typeid(SGD)) return std::make_unique<Fused<internal::SgdRule>>(optimizer);
  if (type == typeid(RMSprop)) return std::make_unique<Fused<internal::RmsPropRule>>(optimizer);
  if (type == typeid(Adagrad)) return std::make_unique<Fused<internal::AdagradRule>>(optimizer);
  return nullptr;
}

void remove_repeated_parameters(Optimizer& optimizer) {
  std::unordered_set<const c10::TensorImpl*> seen;
  for (auto& group : optimizer.param_groups()) {
    std::erase_if(group.params(), [&seen](const at::Tensor& parameter) {
      return !seen.insert(parameter.unsafeGetTensorImpl()).second;
    });
  }
}

}  // namespace accelerate
