#include "accelerate/data/batch_shard.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate {

BatchShard::BatchShard(const BatchShardOptions& options) : options_(options) {
  TORCH_CHECK(options.batch_size > 0, "batch_size is ", options.batch_size, "; give at least 1");
  TORCH_CHECK(options.dataset_size >= 0, "the data set's size is ", options.dataset_size,
              "; a data set of unknown size cannot be shared out in batches");
  TORCH_CHECK(!options.split_batches || options.batch_size % options.world_size == 0,
              "with split_batches, the batch size (", options.batch_size,
              ") needs to be a round multiple of the number of processes (", options.world_size,
              "); change one of them");
  local_batch_size_ =
      options.split_batches ? options.batch_size / options.world_size : options.batch_size;

  const int64_t per_round = samples_per_round();
  const int64_t full_rounds = options.dataset_size / per_round;
  num_batches_ = full_rounds;
  const int64_t left = options.dataset_size - full_rounds * per_round;
  if (left == 0 || options.drop_last) return;
  if (options.even_batches || left > options.rank * local_batch_size_) ++num_batches_;
}

int64_t BatchShard::samples_per_round() const { return local_batch_size_ * options_.world_size; }

int64_t BatchShard::begin_of(int64_t index) const {
  return index * samples_per_round() + options_.rank * local_batch_size_;
}

std::vector<size_t> BatchShard::positions(int64_t index) const {
  TORCH_CHECK(index >= 0 && index < num_batches_, "batch ", index, " was asked for, but there are ",
              num_batches_, "; ask for 0 to num_batches() - 1");
  const int64_t begin = begin_of(index);
  const int64_t size = options_.dataset_size;
  const int64_t end =
      options_.even_batches ? begin + local_batch_size_ : std::min(begin + local_batch_size_, size);
  std::vector<size_t> result;
  result.reserve(end - begin);
  for (int64_t place = begin; place < end; ++place) {
    result.push_back(static_cast<size_t>(place < size ? place : (place - size) % size));
  }
  return result;
}

int64_t BatchShard::remainder() const {
  return options_.drop_last ? -1 : options_.dataset_size % samples_per_round();
}

}  // namespace accelerate
