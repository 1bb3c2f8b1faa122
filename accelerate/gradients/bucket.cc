#include "accelerate/gradients/bucket.h"

#include <ATen/ops/view_as_real.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstddef>

#include "accelerate/gradients/copy_pieces.h"
#include "accelerate/layout/element_type.h"

namespace accelerate::internal {
Bucket::Bucket(c10::ScalarType type, c10::Device device, c10::ScalarType wire_type)
    : numbers_(c10::isComplexType(type) ? 2 : 1),
      values_(type, device),
      narrow_(wire_type, device) {}

void Bucket::add(size_t parameter, const at::Tensor& tensor) {
  members_.push_back(parameter);
  sizes_.push_back(tensor.sizes().vec());
  strides_.push_back(dense_strides(tensor));
  offsets_.push_back(values_.reserve(tensor.numel()));
  bytes_ += static_cast<int64_t>(tensor.nbytes());
}

void Bucket::allocate() {
  if (signal_offset_ < 0) {
    signal_offset_ = values_.reserve(1);
    // One offset serves both.
    narrow_.reserve(values_.numel());
  }
  values_.allocate();
  real_values_ = numbers_ == 2 ? at::view_as_real(values_.whole()).view({-1}) : values_.whole();
  if (narrow_.type() != values_.type()) narrow_.allocate();
  slots_.clear();
  for (size_t i = 0; i < members_.size(); ++i) {
    slots_.push_back(values_.slot(offsets_[i], sizes_[i], strides_[i]));
  }
}

at::Tensor& Bucket::wire() {
  return narrow_.type() != values_.type() ? narrow_.whole() : real_values_;
}

bool Bucket::is_in_place(size_t member) const {
  const at::Tensor& slot = slots_[member];
  const int64_t offset = offsets_[member] * values_.whole().element_size();
  return slot.numel() == 0 ||
         slot.const_data_ptr() ==
             static_cast<const char*>(values_.whole().const_data_ptr()) + offset;
}

// A program that kept a gradient of an earlier step must find it unchanged.
void Bucket::renew_if_held(const std::vector<at::Tensor>& gradients) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    // Ours, and where it is `.grad`, the parameter's and the list's.
    const size_t known = is_slot(i, gradients[i]) ? 3 : 1;
    if (slots_[i].use_count() > known || slots_[i].storage().use_count() > 1 || !is_in_place(i)) {
      allocate();
      return;
    }
  }
}

void Bucket::pack(const std::vector<at::Tensor>& gradients, double factor) {
  c10::AutoGradMode no_grad(false);
  renew_if_held(gradients);
  at::Tensor& target = wire();
  std::vector<at::Tensor> sources;
  for (size_t i = 0; i < members_.size(); ++i) {
    sources.push_back(gradients[i].defined() ? laid_out(gradients[i], sizes_[i], strides_[i])
                                             : at::Tensor());
  }
  const kernels::ElementType type = *element_type(target.scalar_type());
  char* wire_data = static_cast<char*>(target.data_ptr());
  const auto on_wire = [&](int64_t offset) {
    return wire_data + place(offset) * kernels::size_of(type);
  };
  std::vector<kernels::PackPiece> pieces;
  for (size_t i = 0; i < members_.size(); ++i) {
    pieces.push_back({.source = sources[i].defined() ? sources[i].const_data_ptr() : nullptr,
                      .source_type = *element_type(real_values_.scalar_type()),
                      .destination = on_wire(offsets_[i]),
                      .count = place(slots_[i].numel()),
                      .factor = factor});
  }
  pieces.push_back({.destination = on_wire(signal_offset_), .count = 1});
  copy_pieces(pieces, type, target.device());
}

void Bucket::raise_signal() { signal().fill_(1); }
at::Tensor Bucket::signal() { return wire()[place(signal_offset_)]; }

bool Bucket::is_signal_raised() {
  TORCH_INTERNAL_ASSERT(device().is_cpu());
  const at::Tensor& travelled = wire();
  const auto size = static_cast<std::ptrdiff_t>(travelled.element_size());
  const char* bytes =
      static_cast<const char*>(travelled.const_data_ptr()) + place(signal_offset_) * size;
  // In every type the bytes of 0 are 0.
  return std::any_of(bytes, bytes + size, [](char byte) { return byte != 0; });
}

void Bucket::list_memory(std::vector<at::Tensor>& memory) const {
  memory.push_back(values_.whole());
  if (narrow_.whole().defined()) memory.push_back(narrow_.whole());
}

void Bucket::unpack() {
  if (narrow_.type() == values_.type()) return;
  c10::AutoGradMode no_grad(false);
  copy_pieces({{.source = narrow_.whole().const_data_ptr(),
                .source_type = *element_type(narrow_.type()),
                .destination = values_.whole().data_ptr(),
                .count = values_.whole().numel()}},
              *element_type(values_.type()), values_.device());
}

}  // namespace accelerate::internal
