// Detects whether the program writes to tensors on the host (through data_ptr(), an accessor or
// Tensor::data) while a step is recorded. No operator tells of such writes, and no replay repeats
// them.
//
//   ValueWatch watch;
//   watch.note(tensor);                            // An operator has used or written it,
//   if (!watch.is_as_noted(tensor)) give_up();     // and another one is going to.
//
// Values are remembered by a hash of the memory from a tensor's first element to its last. Memory
// that is gone is ignored. Part of the tape; not for others. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/StorageImpl.h>
#include <c10/util/intrusive_ptr.h>

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>

namespace accelerate::internal {

class ValueWatch {
 public:
  void note(const at::Tensor& tensor);
  void note_all_of(const c10::Storage& storage);
  // Called for memory that an operator is going to write, whichever part of it.
  void forget(const c10::StorageImpl* storage) { watched_.erase(storage); }

  // True if nothing was noted.
  bool is_as_noted(const at::Tensor& tensor) const;
  bool is_noted(const at::Tensor& tensor) const;
  bool all_are_as_noted() const;
  void note_all_again();

 private:
  // The first and the last byte.
  using Part = std::pair<size_t, size_t>;
  struct Watched {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    std::map<Part, size_t> hashes = {};
  };
  static Part part_of(const at::Tensor& tensor);
  static size_t hash_of(const c10::StorageImpl& storage, const Part& part);
  void note(const c10::Storage& storage, const Part& part);

  std::unordered_map<const c10::StorageImpl*, Watched> watched_;
};

}  // namespace accelerate::internal
