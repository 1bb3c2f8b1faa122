// Whether the memory that a tape works on is still that which the step would work on.
//
//   MemoryWatch watch(recording);
//   Tape tape(std::move(recording), inputs);
//   watch.begin(parameters);
//   // Before a replay:
//   if (const auto change = watch.change()) record_anew(*change);
//
// A tape keeps what it reads alive, so that nothing else would tell when the program has put
// something in its place; the same holds for random generators. Two tensors or generators that have
// changed places and both live are not noticed. Not thread-safe; the tapes of a thread know of each
// other.
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
  // Nothing but the recording, the inputs that it was made with, tapes that are watched, and the
  // program may hold what the step has used.
  explicit MemoryWatch(const Recording& recording);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;
  // Once the tape has been made, and the recording is gone. The parameters' gradients are those
  // that the tape puts there in each replay.
  void begin(const std::vector<at::Tensor>& parameters);

  // What a replay would do wrong, in words; none when it does what the step would.
  std::optional<std::string> change() const;
  // The same of memory that the program holds, for those who look after some themselves.
  static std::string kept();

 private:
  // One of the program's, over memory from outside.
  struct Read {
    WeakTensor tensor;
    TensorPlace place;
  };
  // One that the step has left to the program.
  struct Left {
    WeakTensor tensor;
    // How many hold it; but for this parameter, where it is one's gradient.
    size_t references = 0;
    at::Tensor parameter = {};
  };
  struct Watched {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    // Otherwise only the tape's references are of interest, to other tapes.
    bool is_checked;
    bool is_outside;
    // How many hold it besides tapes, how many of this tape do, and of all.
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

  // A generator of the program's, and how many hold it.
  struct WatchedGenerator {
    using Weak = c10::weak_intrusive_ptr<c10::GeneratorImpl>;

    Weak generator;
    size_t references = 0;
  };

  std::vector<Watched> watched_;
  std::vector<WatchedGenerator> generators_;
};

}  // namespace accelerate
