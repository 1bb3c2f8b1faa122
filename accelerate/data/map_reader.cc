#include "accelerate/data/map_reader.h"

namespace accelerate::internal {

BatchShardOptions shard_options(const DataLoaderOptions& options, const PassPlan& plan, int rank,
                                int64_t num_entries) {
  const bool whole = has_whole_batches(options);
  return {.dataset_size = num_entries,
          .first = plan.consumed,
          .batch_size = whole ? 1 : *options.batch_size,
          .rank = rank,
          .world_size = plan.world_size,
          .split_batches = plan.split_batches && !whole,
          .even_batches = plan.even_batches,
          .drop_last = options.drop_last};
}

}  // namespace accelerate::internal
