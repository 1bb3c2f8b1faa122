// Keeps parameters in the places that a layout has made for them, one slot each.
//
//   ParameterSlots slots(parameters, places);
//   torch::load(net, file);  // Gives the parameters other memory.
//   slots.restore();
//
// The tensors stay the user's own: same objects, values and strides (channels-last stays so), each
// with a storage of its own. A parameter whose memory another tensor shares, now or later, or which
// LibTorch did not allocate (from_blob, a mapped file), stays where it is, because moving it would
// part the two. Nor is a slot written that the program still holds while the parameter lies
// elsewhere, as one does that swaps weights with set_data(): it is left to the program for good,
// and the parameter to the memory that it was given. Not thread-safe.
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
  // Whether nobody would miss this tensor at its place, so that a slot is of use to it.
  static bool is_movable(const at::Tensor& tensor);

  // A slot for each parameter, of its type, sizes and dense strides; undefined for one that is to
  // be left in its place. Moves the parameters there.
  ParameterSlots(std::vector<NamedParameter> parameters, std::vector<at::Tensor> slots);

  const std::vector<NamedParameter>& parameters() const { return parameters_; }
  // Where the parameter lies; undefined where that is a memory that is not ours to choose.
  const at::Tensor& slot(size_t index) const { return slots_[index]; }

  // See ParameterStore.
  bool restore();
  // Whether a slot was left to the program, which reads and writes there from then on.
  bool has_left_slots() const { return has_left_slots_; }

 private:
  // What a layout is made for.
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
