// A training step on a CPU as a list of operators that is run again without the program, autograd
// and the dispatcher's search for kernels.
//
//   Recording recording = record(inputs, step);
//   Tape tape(std::move(recording), inputs);
//   tape.replay(inputs);  // With other values, or other tensors of the same sizes.
//
// A replay does what the step did, bit for bit: it writes the parameters and buffers that the step
// wrote, and the tensors that the step left to the program have the new values afterwards. Random
// operators draw from the generators that the step used. Intermediate results lie in one piece of
// memory, planned by when they are needed.
//
// Not for a recording with an obstacle, nor for a step that does other things from one call to the
// next: see RecordingSummary. Not thread-safe; a replay belongs to the thread that calls it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <vector>

#include "accelerate/tape/instruction.h"
#include "accelerate/tape/recording.h"

namespace accelerate {

// The memory of a dense tensor from its first element to its last, with what lies between them: a
// row, as wide as that is, in which nothing overlaps, as it does in a tensor of expand().
at::Tensor row_of_memory(const at::Tensor& tensor);

class Tape {
 public:
  // `inputs` are those of the recording. Nothing but them and the program may hold what the step
  // has left, so that what nobody holds is known.
  Tape(Recording recording, const std::vector<at::Tensor>& inputs);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Throws what an operator throws, for example for a target that is out of range; the step has
  // then been done as far as that, and its scopes are closed.
  void replay(const std::vector<at::Tensor>& inputs);

  // Whether operators of a replay work on this memory.
  bool uses(const c10::StorageImpl* storage) const;
  // Of the memory that intermediate results share, and of what they would take one by one.
  int64_t planned_bytes() const { return planned_bytes_; }
  int64_t unplanned_bytes() const { return unplanned_bytes_; }
  // What a replay runs: operators, and work of the host.
  size_t size() const;

 private:
  // An input of the recording, whose memory is that of the value given for it; or its own, where
  // the program holds it.
  struct Binding {
    at::Tensor input;
    bool is_held;
  };
  void bind(Binding& binding, const at::Tensor& value);
  // Does the instructions from this place on, which is then the end, or the one that has thrown.
  void run_from(std::vector<internal::Instruction>::iterator& next);
  // Closes what is open at this place.
  void unwind(std::vector<internal::Instruction>::iterator thrown);

  std::vector<internal::Instruction> instructions_;
  std::vector<c10::Storage> storages_;
  std::vector<Binding> bindings_;
  c10::DataPtr memory_;
  int64_t planned_bytes_ = 0;
  int64_t unplanned_bytes_ = 0;
  std::vector<c10::IValue> stack_;
};

}  // namespace accelerate
