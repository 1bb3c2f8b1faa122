#include "accelerate/data/stream_reader.h"

#include <c10/util/Exception.h>

namespace accelerate::internal {

StreamShares stream_shares(const DataLoaderOptions& options, const PassPlan& plan) {
  const int64_t round = round_size(options, plan.world_size, plan.split_batches);
  return {.round_size = round,
          .batch_size = round / plan.world_size,
          .first_rank = plan.first_rank,
          .num_ranks = plan.num_ranks,
          .drop_last = options.drop_last,
          .is_filled = plan.even_batches && !options.drop_last,
          .even_batches = plan.even_batches};
}

void check_was_skipped(int64_t skipped, int64_t expected, int64_t round_size) {
  // The last round may have been a short one.
  TORCH_CHECK(expected - skipped < round_size, "the pass should continue after ", expected,
              " elements of the stream, but it has only ", skipped,
              "; load the state into a loader with the same stream, and skip no more than it has");
}

}  // namespace accelerate::internal
