#include "accelerate/tape/tensor_place.h"

#include <ATen/ops/empty.h>

#include <utility>

namespace accelerate {

TensorPlace::TensorPlace(const c10::TensorImpl& tensor)
    : storage_(tensor.storage().getWeakStorageImpl()),
      offset_(tensor.storage_offset()),
      sizes_(tensor.sizes().vec()),
      strides_(tensor.strides().vec()) {}

bool TensorPlace::is_of(const c10::TensorImpl& tensor) const {
  return tensor.has_storage() && tensor.storage().unsafeGetStorageImpl() == storage() &&
         tensor.storage_offset() == offset_ && tensor.sizes() == sizes_ &&
         tensor.strides() == strides_;
}

at::Tensor TensorPlace::tensor_there(const at::Tensor& like) const {
  auto held = storage_.lock();
  if (!held) return {};
  at::Tensor there = at::empty({0}, like.options());
  there.set_(c10::Storage(std::move(held)), offset_, sizes_, strides_);
  return there;
}

}  // namespace accelerate
