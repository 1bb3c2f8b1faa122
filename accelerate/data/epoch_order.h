// The samples of each batch of one process in one epoch: the sharding over the epoch's order, which
// is the data set's own or a shuffle.
//
//   EpochOrder order(shard, /*seed=*/42 + epoch);
//   std::vector<size_t> samples = order.samples(0);
//
// The shuffle is torch.randperm of a generator with that seed, as Python's SeedableRandomSampler
// makes it, so that all processes, and the reference, see the same order. Immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "accelerate/data/batch_shard.h"

namespace accelerate {

class EpochOrder {
 public:
  // Shuffles when there is a seed.
  EpochOrder(const BatchShardOptions& shard, std::optional<uint64_t> seed);

  int64_t num_batches() const { return shard_.num_batches(); }
  int64_t remainder() const { return shard_.remainder(); }
  std::vector<size_t> samples(int64_t batch) const;

 private:
  BatchShard shard_;
  // The sample at each place; empty for the data set's own order.
  std::vector<int64_t> permutation_;
};

}  // namespace accelerate
