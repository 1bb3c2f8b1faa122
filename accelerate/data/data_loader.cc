#include "accelerate/data/data_loader.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {

void check_data_loader_options(const DataLoaderOptions& options,
                               std::optional<size_t> dataset_size) {
  TORCH_CHECK(dataset_size.has_value(),
              "the data set has no size, so it cannot be shared out between processes; give its "
              "size() a value");
  TORCH_CHECK(options.batch_size > 0, "batch_size is ", options.batch_size, "; give at least 1");
  TORCH_CHECK(options.num_workers >= 0, "num_workers is ", options.num_workers,
              "; give 0 to read in the training thread, or a number of threads");
}

BatchShardOptions make_shard_options(const DataLoaderOptions& options,
                                     const DataPlacement& placement, size_t dataset_size) {
  const bool even_batches =
      placement.active_loaders
          ? placement.active_loaders->even_batches.value_or(placement.even_batches)
          : placement.even_batches;
  return {.dataset_size = static_cast<int64_t>(dataset_size),
          .batch_size = options.batch_size,
          .rank = placement.rank,
          .world_size = placement.world_size,
          .split_batches = placement.split_batches,
          // A process that is alone has nobody to be even with.
          .even_batches = even_batches && placement.world_size > 1,
          .drop_last = options.drop_last};
}

State loader_state(const LoaderPosition& position) {
  State state;
  state.set("epoch", position.epoch);
  state.set("batch", position.batch);
  state.set("next_epoch", position.next_epoch);
  if (position.seed) state.set("seed", static_cast<int64_t>(*position.seed));
  return state;
}

LoaderPosition loader_position(const State& state) {
  LoaderPosition position{.epoch = state.integer("epoch"),
                          .batch = state.integer("batch"),
                          .next_epoch = state.integer("next_epoch")};
  if (state.contains("seed")) position.seed = static_cast<uint64_t>(state.integer("seed"));
  return position;
}

void check_first_batch(int64_t first, int64_t num_batches) {
  TORCH_CHECK(first >= 0 && first <= num_batches, "a pass over the data was to begin with batch ",
              first, ", but an epoch has ", num_batches,
              " on this process; load the state into a loader of the same data set, batch size and "
              "number of processes");
}

std::optional<DeviceCopies> make_device_copies(c10::Device device) {
  return device.is_cpu() ? std::nullopt : std::make_optional<DeviceCopies>(device);
}

}  // namespace accelerate::internal
