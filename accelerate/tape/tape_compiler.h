// Makes the instructions of a tape from a recording. Views and blank tensors need none, and
// operators write to given memory if LibTorch can do that. Also determines the lifetimes of
// intermediate results.
//
// Part of the tape; not for others.
#pragma once

#include <c10/core/Storage.h>

#include <unordered_set>
#include <vector>

#include "accelerate/tape/instruction.h"
#include "accelerate/tape/memory_plan.h"
#include "accelerate/tape/recording.h"

namespace accelerate::internal {

// An intermediate result whose memory may be anywhere.
struct PlannedStorage {
  c10::StorageImpl* storage;
  Lifetime lifetime;
};

struct CompiledTape {
  std::vector<Instruction> instructions;
  std::vector<PlannedStorage> planned;
  // Everything that the instructions point to.
  std::vector<c10::Storage> storages;
  // Those `storages` that somebody else refers to as well, not counting one tensor for each input.
  std::unordered_set<const c10::StorageImpl*> held;

  bool is_held(const c10::Storage& storage) const {
    return held.contains(storage.unsafeGetStorageImpl());
  }
};

CompiledTape compile(Recording recording);

}  // namespace accelerate::internal
