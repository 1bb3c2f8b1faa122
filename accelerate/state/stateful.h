// A part of a run that has a state. Code that stores the state of a run, sends it to other
// processes or restores it after a step that was only recorded uses this interface, so the parts of
// a run are listed once, in Session::parts().
//
//   const State saved = part.save();
//   part.load(saved);      // Goes on as it would have gone on then.
//
// Not for objects of a program: use Accelerator::register_for_checkpointing(). Not thread-safe.
#pragma once

#include <functional>
#include <string_view>

#include "accelerate/state/state.h"

namespace accelerate {

class Stateful {
 public:
  virtual ~Stateful() = default;

  // The name of its state among those of the other parts, such as "optimizers".
  virtual std::string_view state_name() const = 0;
  // Whether all ranks have the same state between two steps; otherwise each has its own.
  virtual bool is_equal_on_all_ranks() const = 0;

  // The state between two steps. It shares its tensors with the part, so it costs no memory. Waits
  // for the device if the device is still computing them.
  virtual State save() = 0;
  // Tensors of save(), by their names, into which another rank's values may be received before
  // load().
  virtual State places() { return save(); }
  // Throws c10::Error if load() would, as far as that can be known in advance. Changes nothing.
  virtual void check(const State& /*state*/) {}
  // Continues from a state that such a part has saved; on all ranks. Throws c10::Error if a value
  // is missing or has another kind; values that were loaded before the error are kept.
  virtual void load(const State& state) = 0;

  // Returns a function that restores everything that a step changes in the part on the host, also
  // beyond its state: for a step that a device records without executing it.
  virtual std::function<void()> remember() {
    return [] {};
  }
};

}  // namespace accelerate
