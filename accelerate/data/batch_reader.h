// Where the batches of one pass over a loader come from.
//
// Part of the DataLoader; not for others.
#pragma once

#include <c10/util/SmallVector.h>

#include <cstdint>
#include <optional>

#include "accelerate/data/active_loaders.h"
#include "accelerate/state/state.h"

namespace accelerate::internal {

// A batch of one process, with its progress.
template <class Batch>
struct FetchedBatch {
  Batch batch;
  LoaderProgress progress;
};

// The batches of one round: one for each process that the reader reads for, or none if the process
// has no batch left.
template <class Batch>
struct Round {
  c10::SmallVector<std::optional<FetchedBatch<Batch>>, 1> batches;
  // Whether no process has a batch after this round.
  bool is_last = false;
  // The members of LoaderPosition with these names, after this round.
  int64_t consumed = 0;
  State stream = {};
};

template <class Batch>
class BatchReader {
 public:
  virtual ~BatchReader() = default;

  // How many rounds there are; std::nullopt for a stream, which one thread at a time reads in
  // order.
  virtual std::optional<int64_t> num_rounds() const = 0;
  // Makes the threads that read stop soon. Called from another thread.
  virtual void stop() {}
  // Reads a round; std::nullopt after the last one.
  virtual std::optional<Round<Batch>> read(int worker, int64_t round) = 0;
};

// What a reader needs to know of a pass.
struct PassPlan {
  int world_size = 1;
  // The ranks whose batches are read: this process's, or all.
  int first_rank = 0;
  int num_ranks = 1;
  bool split_batches = false;
  bool even_batches = true;
  int64_t epoch = 0;
  uint64_t seed = 0;
  // Where the pass begins, in the members of LoaderPosition with these names.
  int64_t consumed = 0;
  State stream = {};
  int64_t stream_consumed = 0;
};

}  // namespace accelerate::internal
