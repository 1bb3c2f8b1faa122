// How a model's trainable parameters are kept between and during its passes. The engine knows no
// more of it than this.
//
//   store->gather();      // before a pass
//   loss.backward();
//   store->release();     // until the next one
//
// FlatParameters, which keeps all of them whole on every rank, is one; a strategy that cuts them is
// another class like that. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "accelerate/layout/named_parameter.h"
#include "accelerate/layout/part_place.h"

namespace accelerate {

class ParameterStore {
 public:
  virtual ~ParameterStore() = default;

  // In the order in which they lie.
  virtual const std::vector<NamedParameter>& parameters() const = 0;

  // Brings back to its place, with its present values, what no longer lies there: after
  // torch::load(), or when the program gave it other data. False when a parameter has become of
  // another type, device or size, and the store has to be made anew.
  virtual bool restore() = 0;

  // Sees to it that a pass finds the parameters whole on this rank; and lets go of what only a pass
  // needs. Both collective where they are cut, and otherwise without effect.
  virtual void gather() = 0;
  virtual void release() = 0;

  // Which part of a parameter this rank steps; null where it steps all of it.
  virtual const PartPlace* place_of(const at::Tensor& parameter) const = 0;
  // Around an optimizer's step of these parameters, of which some may be of other stores: those
  // that are cut are then this rank's part of themselves, 1-D, and `.grad` is that of their
  // gradient. Afterwards they are whole again, with what every rank has made of its part:
  // collective, unless `is_complete` is false, after an exception in the step.
  virtual void begin_update(const std::vector<at::Tensor>& stepped) = 0;
  virtual void end_update(bool is_complete) = 0;
};

// Makes one for these trainable leaves, distinct and in registration order.
using MakeParameterStore =
    std::function<std::unique_ptr<ParameterStore>(std::vector<NamedParameter> parameters)>;

}  // namespace accelerate
