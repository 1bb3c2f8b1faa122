// Which samples of a data set each process trains on, batch by batch. All processes see the same
// order of samples and take their batches from it in turn, as Hugging Face Accelerate's
// BatchSamplerShard does.
//
//   BatchShard shard({.dataset_size = 22, .batch_size = 3, .rank = 1, .world_size = 2});
//   shard.num_batches();  // 4
//   shard.positions(3);   // {21, 0, 1}: filled up from the start, so that ranks make equal steps.
//
// Positions are places in the epoch's order, so a shuffle is applied on top. A batch is computed
// when it is asked for: nothing here grows with the data set. Not for data without a known size.
// Immutable, and therefore thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace accelerate {

// How many samples all processes together take in one round. Throws c10::Error when a batch cannot
// be split evenly.
int64_t samples_per_round(int64_t batch_size, int world_size, bool split_batches);

struct BatchShardOptions {
  int64_t dataset_size = 0;
  // How many samples of the epoch's order have already been given out, to any process.
  int64_t first = 0;
  // Samples in a batch of one process or, with split_batches, of all processes together.
  int64_t batch_size = 1;
  int rank = 0;
  int world_size = 1;
  // Cuts each batch into one part per process, instead of giving whole batches to the processes in
  // turn.
  bool split_batches = false;
  // Fills up the last round with the first samples, so that all processes have the same number of
  // full batches.
  bool even_batches = true;
  // Leaves out a last round that is not full on every process.
  bool drop_last = false;
};

class BatchShard {
 public:
  // Throws c10::Error when a size makes no sense, or when split_batches is set and the batch size
  // is not a multiple of the number of processes.
  explicit BatchShard(const BatchShardOptions& options);

  // How many samples all processes together get in a full round.
  int64_t round_size() const { return per_round_; }
  // Batches of this process in what is left of the epoch.
  int64_t num_batches() const { return num_batches_; }

  // The places in the epoch's order of batch 0 <= index < num_batches().
  std::vector<size_t> positions(int64_t index) const;

  // How many samples of the last round, counted over all processes, are not repetitions; 0 if none
  // of them is a repetition, and -1 if it is not known because drop_last left out the rest.
  int64_t remainder() const;

  // How many samples of the epoch's order all processes together have received, from the beginning
  // of the epoch, when each of them has had `batches` batches.
  int64_t consumed_after(int64_t batches) const;
  // Whether batch `index` of this process holds only repeated samples.
  bool is_repetition(int64_t index) const { return begin_of(index) >= options_.dataset_size; }

 private:
  // Where batch `index` of this process begins in the filled-up order.
  int64_t begin_of(int64_t index) const;

  BatchShardOptions options_;
  int64_t per_round_ = 1;
  // Samples in a batch of this process.
  int64_t local_batch_size_ = 1;
  int64_t num_batches_ = 0;
};

}  // namespace accelerate
