// The order of one epoch, which is the same in all processes, and the share of it that a process
// gets.
//
//   auto entries = epoch_entries({.shuffle = true}, /*dataset_size=*/100, /*seed=*/42 + epoch);
//   EpochOrder order({.dataset_size = entries->size, .batch_size = 8}, entries);
//   std::vector<size_t> samples = order.samples(0);
//
// The shuffle is torch.randperm with a generator of that seed, as in Python's
// SeedableRandomSampler, so that all processes, and Python, see the same order. The entries of a
// batch sampler's epoch are whole batches, which processes take in turn. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "accelerate/data/batch_shard.h"
#include "accelerate/data/sampler.h"

namespace accelerate {

// What orders an epoch: at most one of these.
struct SamplingOptions {
  bool shuffle = false;
  Sampler sampler = {};
  BatchSampler batch_sampler = {};
};

struct EpochEntries {
  int64_t size = 0;
  // The sample at each place; empty for the data set's own order.
  std::vector<int64_t> samples;
  // Or the samples of the batch at each place.
  std::optional<std::vector<std::vector<int64_t>>> batches;
};

// Throws c10::Error if a sampler returns a sample that the data set does not have. For a data set
// without a size, that check is left to the data set.
std::shared_ptr<const EpochEntries> epoch_entries(const SamplingOptions& sampling,
                                                  std::optional<size_t> dataset_size,
                                                  uint64_t seed);

class EpochOrder {
 public:
  EpochOrder(const BatchShardOptions& shard, std::shared_ptr<const EpochEntries> entries);

  int64_t num_batches() const { return shard_.num_batches(); }
  std::vector<size_t> samples(int64_t batch) const;
  const BatchShard& shard() const { return shard_; }
  // Whether the entries are whole batches, of any size.
  bool has_whole_batches() const { return entries_->batches.has_value(); }

 private:
  BatchShard shard_;
  std::shared_ptr<const EpochEntries> entries_;
};

}  // namespace accelerate
