#include "accelerate/data/data_loader.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {

PassPlan pass_plan(const DataPlacement& placement) {
  const bool even_batches =
      placement.active_loaders
          ? placement.active_loaders->even_batches.value_or(placement.even_batches)
          : placement.even_batches;
  return {.world_size = placement.world_size,
          .first_rank = placement.rank,
          .split_batches = placement.split_batches,
          // A process that is alone has nobody to be even with.
          .even_batches = even_batches && placement.world_size > 1};
}

int64_t consumed_after_skipping(const DataLoaderOptions& options, const PassPlan& plan,
                                int64_t batches, std::optional<int64_t> num_entries) {
  TORCH_CHECK(batches >= 0, "asked to skip ", batches, " batches; give 0 or more");
  if (batches == 0) return plan.consumed;
  if (!num_entries) {
    return plan.consumed + batches * round_size(options, plan.world_size, plan.split_batches);
  }
  // The first process's, which has the most.
  const BatchShard shard(shard_options(options, plan, /*rank=*/0, *num_entries));
  TORCH_CHECK(batches <= shard.num_batches(), "asked to skip ", batches,
              " batches, but the epoch has ", shard.num_batches(), " left; skip fewer");
  return shard.consumed_after(batches);
}

std::optional<DeviceCopies> make_device_copies(c10::Device device) {
  return device.is_cpu() ? std::nullopt : std::make_optional<DeviceCopies>(device);
}

}  // namespace accelerate::internal
