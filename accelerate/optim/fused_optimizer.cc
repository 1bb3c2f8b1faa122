#include "accelerate/optim/fused_optimizer.h"

#include <ATen/ops/full_like.h>

#include <optional>
#include <typeinfo>
#include <unordered_set>

#include "accelerate/optim/fused_items.h"
#include "accelerate/optim/optimizer_registry.h"

namespace accelerate {
namespace internal {

bool suits(const at::Tensor& gradient, const at::Tensor& parameter) {
  return gradient.device() == parameter.device() && state_suits(gradient, parameter);
}

bool state_suits(const at::Tensor& state, const at::Tensor& parameter) {
  return !state.defined() ||
         (state.layout() == at::kStrided && state.scalar_type() == parameter.scalar_type() &&
          state.sizes() == parameter.sizes());
}

void* state_data(at::Tensor& state, const at::Tensor& parameter, double initial) {
  if (state.defined() && state.device() != parameter.device()) state = state.to(parameter.device());
  // A loaded one may lie otherwise.
  state = state.defined() ? laid_out(state, parameter.sizes(), parameter.strides())
                          : at::full_like(parameter, initial, {}, at::MemoryFormat::Preserve);
  return state.mutable_data_ptr();
}

bool is_fusable(const at::Tensor& parameter) {
  const c10::ScalarType type = parameter.scalar_type();
  const bool takes_type = type == at::kFloat || (type == at::kDouble && parameter.is_cpu());
  return takes_type && (parameter.is_cpu() || parameter.is_cuda()) &&
         parameter.layout() == at::kStrided && parameter.is_non_overlapping_and_dense() &&
         !parameter.is_neg();
}

}  // namespace internal

namespace {

using torch::optim::Optimizer;

// The device that all parameters are on, if a kernel steps them all.
std::optional<c10::Device> fusable_device(const Optimizer& optimizer) {
  std::optional<c10::Device> device;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!internal::is_fusable(parameter)) return std::nullopt;
      if (!device) device = parameter.device();
      if (*device != parameter.device()) return std::nullopt;
    }
  }
  return device;
}

}  // namespace

std::unique_ptr<FusedOptimizer> FusedOptimizer::make(Optimizer& optimizer) {
  const auto device = fusable_device(optimizer);
  if (!device) return nullptr;
  const internal::RegisteredOptimizer* known = internal::find_registered(optimizer);
  if (known == nullptr) return nullptr;
  return device->is_cpu() ? known->make_cpu(optimizer) : known->make_gpu(optimizer, *device);
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
