// A training step on a CPU as a list of operators, which is replayed without the program, autograd
// and the dispatcher's search for kernels.
//
//   Recording recording = record(inputs, step);
//   Tape tape(std::move(recording), inputs);
//   tape.replay(inputs);  // With other values, or other tensors of the same sizes.
//
// A replay does what the step did, bit for bit: it writes the parameters and buffers that the step
// wrote, and the tensors that the step left to the program have the new values afterwards. Random
// operators draw from the generators that the step used. Intermediate results share one block of
// memory, planned from their lifetimes.
//
// Not for a recording with an obstacle, nor for a step that does different things from call to
// call: see RecordingSummary. Not thread-safe; a replay belongs to the thread that calls it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <vector>

#include "accelerate/tape/instruction.h"
#include "accelerate/tape/recording.h"

namespace accelerate {

// The memory of a dense tensor from its first element to its last, including gaps, as a tensor of
// one dimension. Its elements do not overlap, unlike those of a tensor made by expand().
at::Tensor row_of_memory(const at::Tensor& tensor);

class Tape {
 public:
  // `inputs` are those of the recording. Only they and the program may hold what the step has left,
  // so that unreferenced tensors can be told from the others.
  Tape(Recording recording, const std::vector<at::Tensor>& inputs);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Throws what an operator throws, for example for a target that is out of range. The step has
  // then run up to that operator, and its scopes are closed.
  void replay(const std::vector<at::Tensor>& inputs);

  // Whether operators of a replay use this memory.
  bool uses(const c10::StorageImpl* storage) const;
  // The size of the memory that intermediate results share, and what they would take separately.
  int64_t planned_bytes() const { return planned_bytes_; }
  int64_t unplanned_bytes() const { return unplanned_bytes_; }
  // The number of entries that a replay runs: operators, and host work.
  size_t size() const;

 private:
  // An input of the recording. It uses the memory of the value given for it, or its own if the
  // program holds it.
  struct Binding {
    at::Tensor input;
    bool is_held;
  };
  void bind(Binding& binding, const at::Tensor& value);
  // Runs the instructions from `next` on; `next` is then the end, or the instruction that threw.
  void run_from(std::vector<internal::Instruction>::iterator& next);
  // Closes the scopes that are open at this instruction.
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
