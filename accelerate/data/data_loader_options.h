// How a DataLoader makes batches of its data.
//
//   DataLoader loader(dataset, {.batch_size = 32, .shuffle = true, .num_workers = 2});
//
// Options that contradict each other are an error when the loader is constructed. Not for how the
// data is split over the processes: AcceleratorOptions has split_batches and even_batches.
#pragma once

#include <cstdint>
#include <optional>

#include "accelerate/data/sampler.h"

namespace accelerate {

struct DataLoaderOptions {
  // Samples in a batch of each process, or of all processes together if the Accelerator splits
  // batches. std::nullopt for data sets whose examples are whole batches, of any size.
  std::optional<int64_t> batch_size = 1;
  bool shuffle = false;
  // Seed of the shuffle or the sampler; epoch e uses seed + e. If it is not set, prepare() draws it
  // from rank 0's generator.
  std::optional<uint64_t> seed = std::nullopt;
  // Leaves out an incomplete last round.
  bool drop_last = false;
  // Threads that read ahead, each with its own copy of the data set; 0 reads in the calling thread.
  // A stream is never read by more than one thread.
  int num_workers = 0;
  // The samples of an epoch, instead of shuffle.
  Sampler sampler = {};
  // The batches of an epoch, instead of batch_size, shuffle and sampler. Processes take batches in
  // turn.
  BatchSampler batch_sampler = {};
  // Only rank 0 reads, and sends every rank its part: for a stream that only rank 0 can open.
  bool dispatch = false;
};

namespace internal {

// Whether each example is a batch by itself, or a batch sampler defines the batches.
bool has_whole_batches(const DataLoaderOptions& options);
// What LoaderPosition counts.
const char* unit_of(const DataLoaderOptions& options, bool is_stream);
// How much of an epoch's order all processes together take in one round. Throws c10::Error if
// batches cannot be split.
int64_t round_size(const DataLoaderOptions& options, int world_size, bool split_batches);
// Throws c10::Error when an option makes no sense for such data.
void check_options(const DataLoaderOptions& options, bool is_stream,
                   std::optional<size_t> dataset_size);

}  // namespace internal
}  // namespace accelerate
