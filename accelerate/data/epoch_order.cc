#include "accelerate/data/epoch_order.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randperm.h>

namespace accelerate {

EpochOrder::EpochOrder(const BatchShardOptions& shard, std::optional<uint64_t> seed)
    : shard_(shard) {
  if (!seed) return;
  const at::Generator generator = at::detail::createCPUGenerator(*seed);
  const at::Tensor shuffled =
      at::randperm(shard.dataset_size, generator, at::TensorOptions(at::kLong));
  const int64_t* first = shuffled.const_data_ptr<int64_t>();
  permutation_.assign(first, first + shuffled.numel());
}

std::vector<size_t> EpochOrder::samples(int64_t batch) const {
  std::vector<size_t> result;
  for (const int64_t place : shard_.positions(batch)) {
    result.push_back(static_cast<size_t>(permutation_.empty() ? place : permutation_[place]));
  }
  return result;
}

}  // namespace accelerate
