// Checks whether the memory that a tape uses is still the memory that the step would use.
//
//   MemoryWatch watch(recording);
//   Tape tape(std::move(recording), inputs);
//   watch.begin(parameters);
//   // Before a replay:
//   if (const auto change = watch.change()) record_anew(*change);
//
// A tape keeps what it reads alive, so nothing else would show that the program has replaced it;
// the same holds for random generators. Two tensors or generators that were swapped, and are both
// alive, are not noticed. Not thread-safe; the tapes of a thread know each other.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/StorageImpl.h>
#include <c10/util/intrusive_ptr.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/tape/recording.h"
#include "accelerate/tape/tensor_place.h"

namespace accelerate {

class MemoryWatch {
 public:
  // Only the recording, the inputs that it was made with, watched tapes, and the program may hold
  // what the step has used.
  explicit MemoryWatch(const Recording& recording);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;
  // Called once the tape exists and the recording is gone. The parameters' gradients are those that
  // the tape sets in each replay.
  void begin(const std::vector<at::Tensor>& parameters);

  // What a replay would do wrong, as a sentence; std::nullopt when it does what the step would do.
  std::optional<std::string> change() const;
  // The sentence about memory that the program holds, for callers that check some memory
  // themselves.
  static std::string kept();

 private:
  // A tensor of the program, which uses memory from outside the step.
  struct Read {
    WeakTensor tensor;
    TensorPlace place;
  };
  // A tensor that the step has left to the program.
  struct Left {
    WeakTensor tensor;
    // How many references there are, without that of this parameter if it is a gradient.
    size_t references = 0;
    at::Tensor parameter = {};
  };
  struct Watched {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    // Otherwise only the tape's references matter, for other tapes.
    bool is_checked;
    bool is_outside;
    // The references that are not of tapes, those of all tapes, and those of this tape.
    size_t others;
    std::shared_ptr<size_t> by_tapes;
    size_t own = 0;
    std::vector<Read> read = {};
    std::vector<Left> left = {};
  };

  static bool is_as_it_was(const Read& read);
  static size_t expected_references(const Left& left);
  static bool is_held_by_more(const Left& left);
  static bool is_held_by_fewer(const Left& left);

  // A generator of the program, and its number of references.
  struct WatchedGenerator {
    using Weak = c10::weak_intrusive_ptr<c10::GeneratorImpl>;

    Weak generator;
    size_t references = 0;
  };

  std::vector<Watched> watched_;
  std::vector<WatchedGenerator> generators_;
};

}  // namespace accelerate
