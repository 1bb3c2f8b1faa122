#include "accelerate/layout/flat_buffer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/Storage.h>
#include <c10/util/Exception.h>

#include <memory>
#include <vector>

namespace accelerate {

int64_t FlatBuffer::reserve(int64_t numel) {
  const int64_t alignment = 64 / static_cast<int64_t>(c10::elementSize(type_));
  const int64_t offset = numel_;
  numel_ += (numel + alignment - 1) / alignment * alignment;
  return offset;
}

void FlatBuffer::allocate() {
  whole_ = at::zeros({numel_}, at::TensorOptions(device_).dtype(type_));
}

at::Tensor FlatBuffer::slot(int64_t offset, at::IntArrayRef sizes, at::IntArrayRef strides) const {
  const int64_t bytes =
      c10::multiply_integers(sizes) * static_cast<int64_t>(c10::elementSize(type_));
  void* begin = static_cast<char*>(whole_.data_ptr()) +
                offset * static_cast<int64_t>(c10::elementSize(type_));
  // The slot keeps the whole memory.
  c10::DataPtr data(
      begin, new at::Tensor(whole_), [](void* owner) { delete static_cast<at::Tensor*>(owner); },
      device_);
  c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, std::move(data),
                       c10::GetAllocator(device_.type()), /*resizable=*/true);
  c10::AutoGradMode no_grad(false);
  at::Tensor result = at::empty({0}, whole_.options());
  result.set_(storage, 0, sizes, strides);
  return result;
}

namespace {

bool holds_its_values(const at::Tensor& tensor) { return !tensor.is_neg() && !tensor.is_conj(); }

bool has_layout(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides) {
  if (!holds_its_values(tensor) || tensor.sizes() != sizes) return false;
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (sizes[i] > 1 && tensor.stride(i) != strides[i]) return false;
  }
  return true;
}

}  // namespace

bool same_layout(const at::Tensor& a, const at::Tensor& b) {
  return holds_its_values(b) && has_layout(a, b.sizes(), b.strides());
}

std::vector<int64_t> dense_strides(const at::Tensor& tensor) {
  if (tensor.is_non_overlapping_and_dense()) return tensor.strides().vec();
  std::vector<int64_t> strides(tensor.dim(), 1);
  for (int64_t i = tensor.dim() - 2; i >= 0; --i) {
    strides[i] = strides[i + 1] * std::max<int64_t>(tensor.size(i + 1), 1);
  }
  return strides;
}

at::Tensor laid_out(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides) {
  if (has_layout(tensor, sizes, strides)) return tensor;
  c10::AutoGradMode no_grad(false);
  return at::empty_strided(sizes, strides, tensor.options().requires_grad(false)).copy_(tensor);
}

}  // namespace accelerate
