#include "accelerate/optim/fused_optimizer.h"

#include <ATen/ops/full_like.h>
#include <c10/util/Exception.h>
#include <c10/util/Type.h>

#include <optional>
#include <string_view>
#include <typeinfo>
#include <unordered_set>

#include "accelerate/optim/fused_items.h"
#include "accelerate/optim/optimizer_registry.h"

namespace accelerate {
namespace internal {

bool suits(const at::Tensor& gradient, const at::Tensor& parameter) {
  return gradient.device() == parameter.device() &&
         state_suits(gradient, parameter, /*is_moment=*/false);
}

bool state_suits(const at::Tensor& state, const at::Tensor& parameter, bool is_moment) {
  if (!state.defined()) return true;
  const bool is_rounded =
      is_moment && parameter.scalar_type() == at::kFloat && state.scalar_type() == at::kBFloat16;
  return state.layout() == at::kStrided && state.sizes() == parameter.sizes() &&
         (is_rounded || state.scalar_type() == parameter.scalar_type());
}

void* state_data(at::Tensor& state, const at::Tensor& parameter, c10::ScalarType type,
                 double initial) {
  if (state.defined()) {
    // A loaded one may be elsewhere, of the other type, or lie otherwise.
    state = laid_out(state.to(parameter.device(), type), parameter.sizes(), parameter.strides());
  } else {
    state = at::full_like(parameter, initial, at::TensorOptions(type), at::MemoryFormat::Preserve);
  }
  return state.mutable_data_ptr();
}

void refuse_own_step(std::string_view name) {
  TORCH_CHECK(false, "AcceleratorOptions::moments keeps the moments of ", name,
              " in bfloat16, and only its fused step rounds them correctly. The fused step cannot "
              "run here: it needs dense fp32 gradients and state of fp32 parameters, all on one "
              "device and, on a GPU, not sharing memory. Give the optimizer such parameters and "
              "gradients (an embedding without `sparse`), or omit the option");
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

// Throws c10::Error where its moments cannot be kept in bfloat16.
void check_rounds_moments(const Optimizer& optimizer) {
  const internal::RegisteredOptimizer* known = internal::find_registered(optimizer);
  TORCH_CHECK(known != nullptr && known->has_moments,
              "AcceleratorOptions::moments keeps the moments of torch::optim::Adam and AdamW in "
              "bfloat16, and this optimizer is ",
              c10::demangle(typeid(optimizer).name()),
              "; use one of those instead, or omit the option");
  std::optional<c10::Device> device;
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!device) device = parameter.device();
      TORCH_CHECK(internal::is_fusable(parameter) && parameter.scalar_type() == at::kFloat &&
                      parameter.device() == *device,
                  "AcceleratorOptions::moments keeps moments in bfloat16 of dense fp32 parameters "
                  "that are all on one device, but the optimizer has one of type ",
                  parameter.scalar_type(), " and sizes ", parameter.sizes(), " on ",
                  parameter.device(), "; convert the model, or omit the option");
    }
  }
}

}  // namespace

std::unique_ptr<FusedOptimizer> FusedOptimizer::make(Optimizer& optimizer,
                                                     const MomentOptions& moments) {
  if (moments.type == MomentType::kBf16) check_rounds_moments(optimizer);
  const auto device = fusable_device(optimizer);
  if (!device) return nullptr;
  const internal::RegisteredOptimizer* known = internal::find_registered(optimizer);
  if (known == nullptr) return nullptr;
  return device->is_cpu() ? known->make_cpu(optimizer, moments)
                          : known->make_gpu(optimizer, *device, moments);
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
