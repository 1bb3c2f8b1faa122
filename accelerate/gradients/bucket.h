// One bucket of gradients: which parameters it carries, the memory in which they travel, and the
// memory in which `.grad` lies afterwards.
//
// Part of the GradientReducer; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/layout/flat_buffer.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate::internal {

class Bucket {
 public:
  // Travels as `wire_type`, which is the gradients' own type or a narrower one. Complex numbers
  // travel as pairs of real ones.
  Bucket(c10::ScalarType type, c10::Device device, c10::ScalarType wire_type);

  void add(size_t parameter, const at::Tensor& tensor);
  // To be called when all have been added, and again when somebody else still uses the memory.
  void allocate();

  // Indices of its parameters.
  const std::vector<size_t>& members() const { return members_; }
  int64_t bytes() const { return bytes_; }
  c10::ScalarType type() const { return values_.type(); }
  c10::Device device() const { return values_.device(); }

  // Whether this tensor is the slot of a member.
  bool is_slot(size_t member, const at::Tensor& gradient) const {
    return gradient.is_same(slots_[member]);
  }
  const at::Tensor& slot(size_t member) const { return slots_[member]; }

  // Copies each member's gradient, times a factor, to the wire; an undefined one becomes zeros. In
  // one launch on a GPU.
  void pack(const std::vector<at::Tensor>& gradients, double factor);
  // The number that travels behind the gradients: 0 unless it is raised to 1 after packing.
  void raise_signal();
  // 0-dim, on the device; and of a bucket on the CPU whether it is not 0, which takes no operators.
  at::Tensor signal();
  bool is_signal_raised();
  // What travels: real numbers, in one row.
  at::Tensor& wire();
  // Adds its memory: the slots', and the wire's where that is another.
  void list_memory(std::vector<at::Tensor>& memory) const;
  // Brings what has arrived to the slots.
  void unpack();

 private:
  void renew_if_held(const std::vector<at::Tensor>& gradients);
  // Where an element lies among the real numbers.
  int64_t place(int64_t offset) const { return offset * numbers_; }

  std::vector<size_t> members_;
  std::vector<std::vector<int64_t>> sizes_, strides_;
  std::vector<int64_t> offsets_;
  int64_t signal_offset_ = -1;
  int64_t bytes_ = 0;
  // For each element.
  int64_t numbers_;
  FlatBuffer values_;
  // The same memory as real numbers.
  at::Tensor real_values_;
  // Of the narrower type; empty when the values travel themselves.
  FlatBuffer narrow_;
  std::vector<at::Tensor> slots_;
};

}  // namespace accelerate::internal
