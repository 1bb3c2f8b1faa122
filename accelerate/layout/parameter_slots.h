// Keeps parameters in the places that a layout has made for them, one slot each.
//
//   ParameterSlots slots(parameters, places);
//   torch::load(net, file);  // Gives the parameters other memory.
//   slots.restore();
//
// The tensors remain the user's: the same objects, values and strides (channels-last too), each
// with its own storage. A parameter stays where it is if another tensor shares its memory, now or
// later, because moving it would separate the two, or if LibTorch did not allocate it (from_blob, a
// mapped file). A slot is not written while the program still holds it and the parameter is
// elsewhere, as in a program that swaps weights with set_data(): the program keeps the slot, and
// the parameter keeps the memory that it was given. Not thread-safe.
//
// Part of the parameter stores; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/layout/flat_buffer.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate {

class ParameterSlots {
 public:
  // Whether this tensor can be moved: no other tensor shares its memory, and LibTorch allocated it.
  static bool is_movable(const at::Tensor& tensor);

  // Takes a slot for each parameter, of its type, sizes and dense strides; undefined for one that
  // must not be moved. Moves the parameters into their slots.
  ParameterSlots(std::vector<NamedParameter> parameters, std::vector<at::Tensor> slots);

  const std::vector<NamedParameter>& parameters() const { return parameters_; }
  // The parameter's slot; undefined if the parameter's memory is not ours to choose.
  const at::Tensor& slot(size_t index) const { return slots_[index]; }

  // See ParameterStore.
  bool restore();
  // Whether a slot was left to the program, which may read and write there from then on.
  bool has_left_slots() const { return has_left_slots_; }

 private:
  // What a slot requires of its parameter.
  struct Form {
    TypeAndDevice type;
    std::vector<int64_t> sizes;
  };
  bool has_form(size_t index) const;

  std::vector<NamedParameter> parameters_;
  std::vector<Form> forms_;
  std::vector<at::Tensor> slots_;
  bool has_left_slots_ = false;
};

}  // namespace accelerate
