// Lays out the trainable parameters of a model in one piece of memory for each type and device, in
// reverse order of registration, which is about the order in which backward finishes their
// gradients.
//
//   FlatParameters flat(parameters);
//   torch::load(net, file);  // Gives the parameters other memory.
//   flat.restore();
//
// parameter_slots.h says which parameters are moved there and which stay where they are. Not
// thread-safe; not for frozen parameters, which are not updated.
#pragma once

#include <vector>

#include "accelerate/layout/named_parameter.h"
#include "accelerate/layout/parameter_slots.h"
#include "accelerate/layout/parameter_store.h"

namespace accelerate {

class FlatParameters final : public ParameterStore {
 public:
  // Trainable and distinct, in registration order.
  explicit FlatParameters(std::vector<NamedParameter> parameters);

  const std::vector<NamedParameter>& parameters() const override { return slots_.parameters(); }
  // Whether the parameter has a slot. If not, its memory is not ours to choose.
  bool has_slot(size_t index) const { return slots_.slot(index).defined(); }

  bool restore() override { return slots_.restore(); }
  // The parameters are always whole.
  void gather() override {}
  void release() override {}
  const PartPlace* place_of(const at::Tensor& /*parameter*/) const override { return nullptr; }
  void begin_update(const std::vector<at::Tensor>& /*stepped*/) override {}
  void end_update(bool /*is_complete*/) override {}

 private:
  ParameterSlots slots_;
};

}  // namespace accelerate
