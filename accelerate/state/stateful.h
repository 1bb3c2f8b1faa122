// A part of a run that has a state. What stores the state of a run, sends it to other processes or
// brings it back after a step that was only recorded goes through the parts by this interface, so
// that what belongs to a run is listed once (Session::parts()).
//
//   const State saved = part.save();
//   part.load(saved);      // Goes on as it would have gone on then.
//
// Not for what programs keep themselves. Not thread-safe.
#pragma once

#include <functional>
#include <string_view>

#include "accelerate/state/state.h"

namespace accelerate {

class Stateful {
 public:
  virtual ~Stateful() = default;

  // Names its state among those of the other parts, such as "optimizers".
  virtual std::string_view state_name() const = 0;
  // Whether all ranks have the same between two steps; otherwise each has its own.
  virtual bool is_equal_on_all_ranks() const = 0;

  // The state between two steps. Its tensors are those that the part goes on with, so that it costs
  // no memory. Waits for the device where that is at work on it.
  virtual State save() = 0;
  // Tensors of save() that another rank's values may be received in before load(), by their names.
  virtual State places() { return save(); }
  // Throws c10::Error where load() would, as far as that can be told beforehand. Changes nothing.
  virtual void check(const State& /*state*/) {}
  // Goes on from a state that such a part has saved; on all ranks. Throws c10::Error, with nothing
  // changed but what was taken over up to then, where something is missing or is another thing.
  virtual void load(const State& state) = 0;

  // What brings back all that a step changes of the part on the host, also beside its state: for a
  // step that a device takes note of and then doesn't do.
  virtual std::function<void()> remember() {
    return [] {};
  }
};

}  // namespace accelerate
