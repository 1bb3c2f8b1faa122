// One allocation that is cut into tensors: parameters or gradients that lie one behind the other.
//
//   FlatBuffer buffer(at::kFloat, at::kCPU);
//   const int64_t weight = buffer.reserve(12), bias = buffer.reserve(3);
//   buffer.allocate();
//   at::Tensor slot = buffer.slot(weight, {3, 4}, {4, 1});
//
// A slot is no autograd view and has a storage object of its own over its part of the memory, so
// that it can be zeroed, saved and held like any other tensor: torch::save() of one that shared a
// storage would write all of it. Not for data that grows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <tuple>
#include <vector>

namespace accelerate {

class FlatBuffer {
 public:
  FlatBuffer(c10::ScalarType type, c10::Device device) : type_(type), device_(device) {}

  // Adds room for so many elements and returns where it begins: at a multiple of 64 bytes, as
  // LibTorch's own tensors do.
  int64_t reserve(int64_t numel);
  // Makes the memory, zeroed: also anew, when somebody else holds a slot of the old one.
  void allocate();

  // The tensor at an offset; sizes and strides must be dense.
  at::Tensor slot(int64_t offset, at::IntArrayRef sizes, at::IntArrayRef strides) const;
  // Of all that was reserved, padding included.
  int64_t numel() const { return numel_; }
  at::Tensor& whole() { return whole_; }
  const at::Tensor& whole() const { return whole_; }
  c10::ScalarType type() const { return type_; }
  c10::Device device() const { return device_; }

 private:
  c10::ScalarType type_;
  c10::Device device_;
  int64_t numel_ = 0;
  at::Tensor whole_;
};

// What tensors must have in common to lie in one buffer; can be ordered.
using TypeAndDevice = std::tuple<c10::ScalarType, c10::DeviceType, c10::DeviceIndex>;
inline TypeAndDevice type_and_device(const at::Tensor& tensor) {
  return {tensor.scalar_type(), tensor.device().type(), tensor.device().index()};
}

// Whether the elements of two tensors lie in the same places and mean what stands there: the same
// sizes, the same strides wherever a size is more than one, and neither a negated nor a conjugated
// view, whose memory holds other values than the tensor.
bool same_layout(const at::Tensor& a, const at::Tensor& b);
// Strides in which the tensor's elements fill their memory: its own when they do, else row by row.
std::vector<int64_t> dense_strides(const at::Tensor& tensor);
// The tensor itself when it is laid out so and its memory holds its values, else a copy that does.
// Whoever reads a tensor's memory asks for it here, so that views that are negated or conjugated
// are resolved in one place.
at::Tensor laid_out(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides);

}  // namespace accelerate
