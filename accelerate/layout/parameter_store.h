// How a model's trainable parameters are stored between and during its passes. The engine uses no
// other interface of it.
//
//   store->gather();      // before a pass
//   loss.backward();
//   store->release();     // until the next one
//
// FlatParameters keeps all of them whole on every rank; a strategy that cuts them implements
// another class. Not thread-safe.
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

  // In their order in memory.
  virtual const std::vector<NamedParameter>& parameters() const = 0;

  // Moves parameters that have left their place back to it, with their present values: after
  // torch::load(), or if the program gave them other data. Returns false if a parameter has changed
  // its type, device or size, so that the store must be made again.
  virtual bool restore() = 0;

  // gather() makes the parameters whole on this rank for a pass; release() frees what only a pass
  // needs. Both are collective if parameters are cut, and have no effect otherwise.
  virtual void gather() = 0;
  virtual void release() = 0;

  // Which part of a parameter this rank steps; null if it steps all of it.
  virtual const PartPlace* place_of(const at::Tensor& parameter) const = 0;
  // Called before and after an optimizer's step of these parameters, some of which may be in other
  // stores. In between, each parameter that is cut is this rank's part of itself, 1-D, and `.grad`
  // is the part of its gradient. Afterwards the parameters are whole again, with what every rank
  // has made of its part. end_update() is collective, unless `is_complete` is false, after an
  // exception in the step.
  virtual void begin_update(const std::vector<at::Tensor>& stepped) = 0;
  virtual void end_update(bool is_complete) = 0;
};

// Makes a store for these trainable leaves, which are distinct and in registration order.
using MakeParameterStore =
    std::function<std::unique_ptr<ParameterStore>(std::vector<NamedParameter> parameters)>;

}  // namespace accelerate
