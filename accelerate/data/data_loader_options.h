// How a DataLoader makes batches of its data.
//
//   DataLoader loader(dataset, {.batch_size = 32, .shuffle = true, .num_workers = 2});
//
// What does not fit together is an error when the loader is made.
#pragma once

#include <cstdint>
#include <optional>

#include "accelerate/data/sampler.h"

namespace accelerate {

struct DataLoaderOptions {
  // Of each process; of all together when the Accelerator splits batches. None for data sets that
  // make whole batches: each of their examples is one, of any size.
  std::optional<int64_t> batch_size = 1;
  bool shuffle = false;
  // Of the shuffle or the sampler; epoch e uses seed + e. Without one, prepare() draws it from rank
  // 0's generator.
  std::optional<uint64_t> seed = std::nullopt;
  // Leaves out a last round that is not full.
  bool drop_last = false;
  // Threads that read ahead, each with its own copy of the data set; 0 reads in the calling thread.
  // A stream is read by one thread, whatever their number.
  int num_workers = 0;
  // Which samples an epoch consists of, in the place of shuffle.
  Sampler sampler = {};
  // The same by the batch, in the place of batch_size, shuffle and sampler. Processes take batches
  // in turn.
  BatchSampler batch_sampler = {};
  // Rank 0 alone reads, and sends every rank its part: for a stream that only it can open.
  bool dispatch = false;
};

namespace internal {

// Whether each example is a batch by itself, or a batch sampler says what a batch is.
bool has_whole_batches(const DataLoaderOptions& options);
// What LoaderPosition counts.
const char* unit_of(const DataLoaderOptions& options, bool is_stream);
// How much of an epoch's order all processes take in one round. Throws c10::Error where batches
// cannot be split.
int64_t round_size(const DataLoaderOptions& options, int world_size, bool split_batches);
// Throws c10::Error when an option makes no sense for such data.
void check_options(const DataLoaderOptions& options, bool is_stream,
                   std::optional<size_t> dataset_size);

}  // namespace internal
}  // namespace accelerate
