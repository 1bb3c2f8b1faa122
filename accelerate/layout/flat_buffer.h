// One allocation that is divided into tensors: parameters or gradients, one after the other.
//
//   FlatBuffer buffer(at::kFloat, at::kCPU);
//   const int64_t weight = buffer.reserve(12), bias = buffer.reserve(3);
//   buffer.allocate();
//   at::Tensor slot = buffer.slot(weight, {3, 4}, {4, 1});
//
// A slot is not an autograd view. It has its own storage object over its part of the memory, so it
// can be zeroed, saved and held like any other tensor; if slots shared a storage, torch::save() of
// one would write all of it. Not for data that grows.
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
  // Allocates the memory, zeroed. Call it again to get new memory while somebody else holds a slot
  // of the old.
  void allocate();

  // The tensor at an offset; sizes and strides must be dense.
  at::Tensor slot(int64_t offset, at::IntArrayRef sizes, at::IntArrayRef strides) const;
  // The number of elements reserved, including padding.
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

// What tensors must have in common to be in one buffer; can be ordered.
using TypeAndDevice = std::tuple<c10::ScalarType, c10::DeviceType, c10::DeviceIndex>;
inline TypeAndDevice type_and_device(const at::Tensor& tensor) {
  return {tensor.scalar_type(), tensor.device().type(), tensor.device().index()};
}

// Whether two tensors have the same layout in memory: the same sizes and, for every size above 1,
// the same strides. False for a negated or conjugated view, whose memory holds other values than
// the tensor.
bool same_layout(const at::Tensor& a, const at::Tensor& b);
// Strides with which the tensor's elements fill their memory: its own if they do, otherwise row by
// row.
std::vector<int64_t> dense_strides(const at::Tensor& tensor);
// The tensor itself if it has this layout and its memory holds its values, otherwise a copy for
// which this is true. Code that reads a tensor's memory must get it here, so that negated and
// conjugated views are resolved in one place.
at::Tensor laid_out(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides);

}  // namespace accelerate
