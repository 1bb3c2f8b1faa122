// Lays the trainable parameters of a model out in one piece of memory for each type and device, in
// the reverse of their registration, which is about the order in which backward finishes their
// gradients.
//
//   FlatParameters flat(parameters);
//   torch::load(net, file);  // Gives the parameters other memory.
//   flat.restore();
//
// The tensors stay the user's own: same objects, values and strides (channels-last stays so), each
// with a storage of its own. A parameter whose memory another tensor shares, now or later, or which
// LibTorch did not allocate (from_blob, a mapped file), stays where it is, because moving it would
// part the two. Nor is a slot written that the program still holds while the parameter lies
// elsewhere, as one does that swaps weights with set_data(): it is left to the program for good,
// and the parameter to the memory that it was given. Not thread-safe; not for frozen parameters,
// which nobody updates.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/layout/flat_buffer.h"
#include "accelerate/layout/named_parameter.h"
#include "accelerate/layout/parameter_store.h"

namespace accelerate {

class FlatParameters final : public ParameterStore {
 public:
  // Trainable and distinct, in registration order.
  explicit FlatParameters(std::vector<NamedParameter> parameters);

  const std::vector<NamedParameter>& parameters() const override { return parameters_; }
  // Whether the parameter has a slot, rather than a memory that is not ours to choose.
  bool has_slot(size_t index) const { return slots_[index].defined(); }

  bool restore() override;
  // They are whole at any time.
  void gather() override {}
  void release() override {}

 private:
  // What a layout is made for.
  struct Form {
    TypeAndDevice type;
    std::vector<int64_t> sizes;
  };
  bool has_form(size_t index) const;

  std::vector<NamedParameter> parameters_;
  std::vector<Form> forms_;
  // Undefined for a parameter that is left in its place.
  std::vector<at::Tensor> slots_;
};

}  // namespace accelerate
