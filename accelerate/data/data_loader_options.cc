#include "accelerate/data/data_loader_options.h"

#include <c10/util/Exception.h>

#include "accelerate/data/batch_shard.h"

namespace accelerate::internal {

bool has_whole_batches(const DataLoaderOptions& options) {
  return !options.batch_size || options.batch_sampler;
}

const char* unit_of(const DataLoaderOptions& options, bool is_stream) {
  if (is_stream) return "elements";
  return options.batch_sampler ? "batches" : "samples";
}

int64_t round_size(const DataLoaderOptions& options, int world_size, bool split_batches) {
  if (has_whole_batches(options)) {
    TORCH_CHECK(
        !split_batches || world_size == 1,
        "split_batches needs batches of one fixed size, but this loader's batches vary; leave "
        "split_batches out, or give a batch_size and a sampler");
    return world_size;
  }
  return samples_per_round(*options.batch_size, world_size, split_batches);
}

void check_options(const DataLoaderOptions& options, bool is_stream,
                   std::optional<size_t> dataset_size) {
  TORCH_CHECK(!options.batch_size || *options.batch_size > 0, "batch_size is ",
              options.batch_size.value_or(0),
              "; give at least 1, or std::nullopt for data that come in whole batches");
  TORCH_CHECK(options.num_workers >= 0, "num_workers is ", options.num_workers,
              "; give 0 to read in the training thread, or a number of threads");
  const int orders =
      int(options.shuffle) + int(bool(options.sampler)) + int(bool(options.batch_sampler));
  TORCH_CHECK(
      orders <= 1,
      "only one of shuffle, sampler and batch_sampler can order an epoch; leave the others out");
  TORCH_CHECK(!options.batch_sampler || options.batch_size.value_or(1) == 1,
              "a batch_sampler decides how many samples are in a batch, but batch_size is ",
              options.batch_size.value_or(1), "; leave it out");
  if (is_stream) {
    TORCH_CHECK(
        orders == 0,
        "a stream has its own order, which neither shuffle nor a sampler can change; leave them "
        "out, and shuffle in the stream, by its epoch and in the same way in every process");
  } else {
    TORCH_CHECK(
        dataset_size.has_value() || options.sampler || options.batch_sampler,
        "the data set has no size, so it cannot be divided between processes; return a value "
        "from size(), or give the loader a sampler");
  }
}

}  // namespace accelerate::internal
