#include "accelerate/layout/flat_parameters.h"

#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>
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

// Whether nobody would miss this tensor at its place.
bool is_movable(const at::Tensor& tensor) {
  return tensor.layout() == at::kStrided && tensor.numel() > 0 && tensor.has_storage() &&
         tensor.storage().use_count() == 1 && is_owned(tensor.storage());
}

bool lies_in(const at::Tensor& parameter, const at::Tensor& slot) {
  return parameter.const_data_ptr() == slot.const_data_ptr() && same_layout(parameter, slot);
}

}  // namespace

FlatParameters::FlatParameters(std::vector<NamedParameter> parameters)
    : parameters_(std::move(parameters)), slots_(parameters_.size()) {
  std::reverse(parameters_.begin(), parameters_.end());

  std::map<TypeAndDevice, FlatBuffer> buffers;
  std::vector<int64_t> offsets(parameters_.size(), -1);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    forms_.push_back({type_and_device(tensor), tensor.sizes().vec()});
    if (!is_movable(tensor)) continue;
    const auto buffer =
        buffers.try_emplace(type_and_device(tensor), tensor.scalar_type(), tensor.device()).first;
    offsets[i] = buffer->second.reserve(tensor.numel());
  }
  for (auto& [key, buffer] : buffers) buffer.allocate();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (offsets[i] < 0) continue;
    const at::Tensor& tensor = parameters_[i].tensor;
    slots_[i] =
        buffers.at(type_and_device(tensor)).slot(offsets[i], tensor.sizes(), dense_strides(tensor));
  }
  restore();
}

bool FlatParameters::has_form(size_t index) const {
  const at::Tensor& tensor = parameters_[index].tensor;
  return type_and_device(tensor) == forms_[index].type && tensor.sizes() == forms_[index].sizes;
}

bool FlatParameters::restore() {
  c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& tensor = parameters_[i].tensor;
    const at::Tensor& slot = slots_[i];
    if (slot.defined() && lies_in(tensor, slot)) continue;
    if (!has_form(i)) return false;
    if (!slot.defined()) continue;
    const bool is_held = slot.use_count() > 1 || slot.storage().use_count() > 1;
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
