#include "accelerate/data/batch_shard.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate {

int64_t samples_per_round(int64_t batch_size, int world_size, bool split_batches) {
  TORCH_CHECK(!split_batches || batch_size % world_size == 0,
              "with split_batches, the batch size (", batch_size,
              ") must be a multiple of the number of processes (", world_size,
              "); change one of them");
  return split_batches ? batch_size : batch_size * world_size;
}

BatchShard::BatchShard(const BatchShardOptions& options) : options_(options) {
  TORCH_CHECK(options.batch_size > 0, "batch_size is ", options.batch_size, "; give at least 1");
  TORCH_CHECK(options.dataset_size >= 0, "the data set's size is ", options.dataset_size,
              "; a data set of unknown size cannot be divided into batches");
  TORCH_CHECK(options.first >= 0 && options.first <= options.dataset_size,
              "the pass should continue after ", options.first, " samples, but an epoch has only ",
              options.dataset_size,
              "; load the state into a loader with the same data set and sampler");
  per_round_ = samples_per_round(options.batch_size, options.world_size, options.split_batches);
  local_batch_size_ = per_round_ / options.world_size;

  const int64_t size = options.dataset_size - options.first;
  const int64_t full_rounds = size / per_round_;
  num_batches_ = full_rounds;
  const int64_t left = size - full_rounds * per_round_;
  if (left == 0 || options.drop_last) return;
  if (options.even_batches || left > options.rank * local_batch_size_) ++num_batches_;
}

int64_t BatchShard::begin_of(int64_t index) const {
  return options_.first + index * per_round_ + options_.rank * local_batch_size_;
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
  return options_.drop_last ? -1 : (options_.dataset_size - options_.first) % per_round_;
}

int64_t BatchShard::consumed_after(int64_t batches) const {
  return std::min(options_.dataset_size, options_.first + batches * per_round_);
}

}  // namespace accelerate
