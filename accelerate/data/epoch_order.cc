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
  std::vector<size_t> samples = shard_.positions(batch);
  if (permutation_.empty()) return samples;
  for (size_t& sample : samples) sample = static_cast<size_t>(permutation_[sample]);
  return samples;
}

}  // namespace accelerate
