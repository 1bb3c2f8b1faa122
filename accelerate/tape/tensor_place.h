// Where a tensor is stored: its memory, its first element there, and its sizes and strides. A place
// keeps neither the tensor nor the memory, because others count the references to these.
//
//   const TensorPlace place(gradient);
//   if (!place.is_of(parameter.grad())) record_anew();   // It lies elsewhere now.
//
// Part of the tape and of what watches over it; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace accelerate {

class TensorPlace {
 public:
  // The tensor must have a storage.
  explicit TensorPlace(const c10::TensorImpl& tensor);
  explicit TensorPlace(const at::Tensor& tensor) : TensorPlace(*tensor.unsafeGetTensorImpl()) {}

  // The memory. Nothing else gets its address as long as this object exists.
  const c10::StorageImpl* storage() const { return storage_._unsafe_get_target(); }
  bool is_of(const c10::TensorImpl& tensor) const;
  bool is_of(const at::Tensor& tensor) const {
    return tensor.defined() && is_of(*tensor.unsafeGetTensorImpl());
  }
  // A new tensor at this place, with the type and device of `like`; undefined if the memory is
  // gone.
  at::Tensor tensor_there(const at::Tensor& like) const;

 private:
  c10::weak_intrusive_ptr<c10::StorageImpl> storage_;
  int64_t offset_;
  std::vector<int64_t> sizes_, strides_;
};

}  // namespace accelerate
