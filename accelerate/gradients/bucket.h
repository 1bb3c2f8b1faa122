// One bucket of gradients: which parameters it carries, the memory in which their gradients travel,
// and the memory in which `.grad` is stored afterwards.
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
  // Gradients travel as `wire_type`, which is their own type or a narrower one. Complex numbers
  // travel as pairs of real ones.
  Bucket(c10::ScalarType type, c10::Device device, c10::ScalarType wire_type);

  void add(size_t parameter, const at::Tensor& tensor);
  // Call this after all have been added, and again if somebody else still uses the memory.
  void allocate();

  // Indices of the bucket's parameters.
  const std::vector<size_t>& members() const { return members_; }
  int64_t bytes() const { return bytes_; }
  c10::ScalarType type() const { return values_.type(); }
  c10::Device device() const { return values_.device(); }

  // Whether this tensor is the slot of a member, with the memory of the slot.
  bool is_slot(size_t member, const at::Tensor& gradient) const {
    return gradient.is_same(slots_[member]) && is_in_place(member);
  }
  const at::Tensor& slot(size_t member) const { return slots_[member]; }

  // Copies each member's gradient, times a factor, to the wire; an undefined gradient becomes
  // zeros. Needs one launch on a GPU.
  void pack(const std::vector<at::Tensor>& gradients, double factor);
  // The number that travels behind the gradients: 0 unless it is raised to 1 after packing.
  void raise_signal();
  // signal() is 0-dim, on the device. is_signal_raised() is for a bucket on the CPU: whether the
  // signal is not 0, without calling an operator.
  at::Tensor signal();
  bool is_signal_raised();
  // What travels: real numbers, 1-D.
  at::Tensor& wire();
  // Adds the bucket's memory to the list: that of the slots, and that of the wire if it is
  // separate.
  void list_memory(std::vector<at::Tensor>& memory) const;
  // Copies what has arrived to the slots.
  void unpack();

 private:
  // Whether a slot has its memory; set_data() gives it another.
  bool is_in_place(size_t member) const;
  void renew_if_held(const std::vector<at::Tensor>& gradients);
  // The index of an element among the real numbers.
  int64_t place(int64_t offset) const { return offset * numbers_; }

  std::vector<size_t> members_;
  std::vector<std::vector<int64_t>> sizes_, strides_;
  std::vector<int64_t> offsets_;
  int64_t signal_offset_ = -1;
  int64_t bytes_ = 0;
  // Real numbers for each element: 2 if it is complex, else 1.
  int64_t numbers_;
  FlatBuffer values_;
  // The same memory as real numbers.
  at::Tensor real_values_;
  // In the narrower type; empty if the values themselves travel.
  FlatBuffer narrow_;
  std::vector<at::Tensor> slots_;
};

}  // namespace accelerate::internal
