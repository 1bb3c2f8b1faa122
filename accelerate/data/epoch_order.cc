#include "accelerate/data/epoch_order.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randperm.h>
#include <c10/util/Exception.h>

namespace accelerate {
namespace {

std::vector<int64_t> shuffled(int64_t size, uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Tensor order = at::randperm(size, generator, at::TensorOptions(at::kLong));
  const int64_t* first = order.const_data_ptr<int64_t>();
  return {first, first + order.numel()};
}

void check_samples(const std::vector<int64_t>& samples, std::optional<size_t> dataset_size) {
  for (const int64_t sample : samples) {
    TORCH_CHECK(sample >= 0 && (!dataset_size || static_cast<size_t>(sample) < *dataset_size),
                "the sampler returned sample ", sample, ", but the data set has ",
                dataset_size ? std::to_string(*dataset_size) : "none that are negative",
                "; samples are numbered from 0, and a sampler must be made for its data set");
  }
}

}  // namespace

std::shared_ptr<const EpochEntries> epoch_entries(const SamplingOptions& sampling,
                                                  std::optional<size_t> dataset_size,
                                                  uint64_t seed) {
  auto entries = std::make_shared<EpochEntries>();
  if (sampling.batch_sampler) {
    entries->batches = sampling.batch_sampler(seed);
    entries->size = static_cast<int64_t>(entries->batches->size());
    for (const auto& batch : *entries->batches) {
      TORCH_CHECK(!batch.empty(), "the batch sampler returned an empty batch; leave it out");
      check_samples(batch, dataset_size);
    }
  } else if (sampling.sampler) {
    entries->samples = sampling.sampler(seed);
    entries->size = static_cast<int64_t>(entries->samples.size());
    check_samples(entries->samples, dataset_size);
  } else {
    entries->size = static_cast<int64_t>(dataset_size.value());
    if (sampling.shuffle) entries->samples = shuffled(entries->size, seed);
  }
  return entries;
}

EpochOrder::EpochOrder(const BatchShardOptions& shard, std::shared_ptr<const EpochEntries> entries)
    : shard_(shard), entries_(std::move(entries)) {}

std::vector<size_t> EpochOrder::samples(int64_t batch) const {
  std::vector<size_t> places = shard_.positions(batch);
  if (entries_->batches) {
    const std::vector<int64_t>& samples = (*entries_->batches)[places.front()];
    return {samples.begin(), samples.end()};
  }
  if (entries_->samples.empty()) return places;
  for (size_t& place : places) place = static_cast<size_t>(entries_->samples[place]);
  return places;
}

}  // namespace accelerate
