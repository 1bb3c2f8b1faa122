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

// A batch of one process, and what is known of it.
template <class Batch>
struct FetchedBatch {
  Batch batch;
  LoaderProgress progress;
};

// The batches of one round: one for each process that the reader reads for, none where the process
// has no batch any more.
template <class Batch>
struct Round {
  c10::SmallVector<std::optional<FetchedBatch<Batch>>, 1> batches;
  // Whether no process has a batch after it.
  bool is_last = false;
  // As LoaderPosition has them, after this round.
  int64_t consumed = 0;
  State stream = {};
};

template <class Batch>
class BatchReader {
 public:
  virtual ~BatchReader() = default;

  // How many rounds there are; none of a stream, which is read by one thread at a time, in order.
  virtual std::optional<int64_t> num_rounds() const = 0;
  // From another thread than those that read: lets them come to an end soon.
  virtual void stop() {}
  // None after the last.
  virtual std::optional<Round<Batch>> read(int worker, int64_t round) = 0;
};

// What a reader needs to know of a pass.
struct PassPlan {
  int world_size = 1;
  // Whose batches are read: this process's, or everybody's.
  int first_rank = 0;
  int num_ranks = 1;
  bool split_batches = false;
  bool even_batches = true;
  int64_t epoch = 0;
  uint64_t seed = 0;
  // What comes before the pass, as LoaderPosition has it.
  int64_t consumed = 0;
  State stream = {};
  int64_t stream_consumed = 0;
};

}  // namespace accelerate::internal
