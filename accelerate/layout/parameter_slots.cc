#include "accelerate/layout/parameter_slots.h"

#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>

#include <utility>

namespace accelerate {
namespace {

// Whether the memory came from LibTorch's allocator, or is a slot of ours, so that nobody else
// reads or writes it by its address. What torch::load() makes has no allocator, but its deleter.
bool is_owned(const c10::Storage& storage) {
  return storage.allocator() != nullptr ||
         storage.data_ptr().get_deleter() ==
             c10::GetAllocator(storage.device_type())->raw_deleter();
}

bool lies_in(const at::Tensor& parameter, const at::Tensor& slot) {
  return parameter.const_data_ptr() == slot.const_data_ptr() && same_layout(parameter, slot);
}

}  // namespace

bool ParameterSlots::is_movable(const at::Tensor& tensor) {
  return tensor.layout() == at::kStrided && tensor.numel() > 0 && tensor.has_storage() &&
         tensor.storage().use_count() == 1 && is_owned(tensor.storage());
}

ParameterSlots::ParameterSlots(std::vector<NamedParameter> parameters,
                               std::vector<at::Tensor> slots)
    : parameters_(std::move(parameters)), slots_(std::move(slots)) {
  for (const NamedParameter& parameter : parameters_)
    forms_.push_back({type_and_device(parameter.tensor), parameter.tensor.sizes().vec()});
  restore();
}

bool ParameterSlots::has_form(size_t index) const {
  const at::Tensor& tensor = parameters_[index].tensor;
  return type_and_device(tensor) == forms_[index].type && tensor.sizes() == forms_[index].sizes;
}

bool ParameterSlots::restore() {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& tensor = parameters_[i].tensor;
    const at::Tensor& slot = slots_[i];
    if (slot.defined() && lies_in(tensor, slot)) continue;
    if (!has_form(i)) return false;
    if (!slot.defined()) continue;
    const bool is_held = slot.use_count() > 1 || slot.storage().use_count() > 1;
    has_left_slots_ = has_left_slots_ || is_held;
    if (is_held || !is_movable(tensor)) {
      slots_[i].reset();
      continue;
    }
    slot.copy_(tensor);
    tensor.set_data(slot);
  }
  return true;
}

}  // namespace accelerate
