#include "accelerate/data/samplers.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace accelerate {
namespace {

std::vector<int64_t> to_vector(const at::Tensor& numbers) {
  const int64_t* first = numbers.const_data_ptr<int64_t>();
  return {first, first + numbers.numel()};
}

std::vector<int64_t> shuffled(int64_t size, at::Generator generator) {
  return to_vector(at::randperm(size, std::move(generator), at::TensorOptions(at::kLong)));
}

// LibTorch's multinomial() takes no more.
constexpr size_t kMostWeights = size_t{1} << 24;

at::Tensor checked_weights(const std::vector<double>& weights) {
  TORCH_CHECK(!weights.empty() && weights.size() <= kMostWeights, "there are ", weights.size(),
              " weights; give 1 to ", kMostWeights);
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    TORCH_CHECK(weights[i] >= 0 && std::isfinite(weights[i]), "weight ", i, " is ", weights[i],
                "; give a finite number that is 0 or more");
    sum += weights[i];
  }
  TORCH_CHECK(sum > 0, "all weights are 0, so nothing can be drawn; give at least one that is not");
  return at::tensor(weights, at::kDouble);
}

void check_lengths(const std::vector<int64_t>& lengths) {
  for (size_t i = 0; i < lengths.size(); ++i) {
    TORCH_CHECK(lengths[i] >= 0, "the length of sample ", i, " is ", lengths[i],
                "; give 0 or more");
  }
}

// The places 0 to size - 1, cut into groups of so many, each sorted by length, the longest first.
void sort_in_groups(std::vector<int64_t>& samples, const std::vector<int64_t>& lengths,
                    int64_t group_size) {
  const auto size = static_cast<int64_t>(samples.size());
  for (int64_t begin = 0; begin < size; begin += group_size) {
    std::stable_sort(samples.begin() + begin, samples.begin() + std::min(begin + group_size, size),
                     [&lengths](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
  }
}

}  // namespace

WeightedSampler::WeightedSampler(const std::vector<double>& weights,
                                 const WeightedSamplerOptions& options)
    : weights_(checked_weights(weights)), options_(options) {
  TORCH_CHECK(options.num_samples >= 0, "num_samples is ", options.num_samples, "; give 0 or more");
  if (options_.num_samples == 0) options_.num_samples = static_cast<int64_t>(weights.size());
  const auto drawable =
      std::count_if(weights.begin(), weights.end(), [](double weight) { return weight > 0; });
  TORCH_CHECK(options.replacement || options_.num_samples <= drawable, options_.num_samples,
              " samples cannot be drawn without replacement, as ", drawable,
              " have a weight that is not 0; draw fewer, or with replacement");
}

std::vector<int64_t> WeightedSampler::operator()(uint64_t seed) const {
  return to_vector(at::multinomial(weights_, options_.num_samples, options_.replacement,
                                   at::detail::createCPUGenerator(seed)));
}

LengthGroupedSampler::LengthGroupedSampler(std::vector<int64_t> lengths,
                                           const LengthGroupedSamplerOptions& options)
    : lengths_(std::make_shared<const std::vector<int64_t>>(std::move(lengths))),
      options_(options) {
  check_lengths(*lengths_);
  TORCH_CHECK(options.batch_size > 0, "batch_size is ", options.batch_size, "; give at least 1");
  TORCH_CHECK(options.batches_in_group >= 0, "batches_in_group is ", options.batches_in_group,
              "; give 0 or more");
  if (options.batches_in_group == 0) {
    const auto quarter = static_cast<int64_t>(lengths_->size()) / (4 * options.batch_size);
    options_.batches_in_group = std::clamp<int64_t>(quarter, 1, 50);
  }
}

std::vector<std::vector<int64_t>> LengthGroupedSampler::operator()(uint64_t seed) const {
  const auto size = static_cast<int64_t>(lengths_->size());
  std::vector<int64_t> samples = shuffled(size, at::detail::createCPUGenerator(seed));
  const int64_t group_size = options_.batches_in_group * options_.batch_size;
  sort_in_groups(samples, *lengths_, group_size);
  // The longest of all is the first of its group.
  int64_t longest = 0;
  for (int64_t begin = 0; begin < size; begin += group_size) {
    if ((*lengths_)[samples[begin]] > (*lengths_)[samples[longest]]) longest = begin;
  }
  if (size > 0) std::swap(samples[0], samples[longest]);

  std::vector<std::vector<int64_t>> batches;
  for (int64_t begin = 0; begin < size; begin += options_.batch_size) {
    batches.emplace_back(samples.begin() + begin,
                         samples.begin() + std::min(begin + options_.batch_size, size));
  }
  return batches;
}

TokenBudgetSampler::TokenBudgetSampler(std::vector<int64_t> lengths,
                                       const TokenBudgetSamplerOptions& options)
    : lengths_(std::make_shared<const std::vector<int64_t>>(std::move(lengths))),
      options_(options) {
  check_lengths(*lengths_);
  TORCH_CHECK(options.max_tokens > 0, "max_tokens is ", options.max_tokens, "; give at least 1");
  TORCH_CHECK(options.max_samples >= 0 && options.samples_in_group >= 0, "max_samples is ",
              options.max_samples, " and samples_in_group is ", options.samples_in_group,
              "; give 0 or more of each");
  for (size_t i = 0; i < lengths_->size(); ++i) {
    TORCH_CHECK((*lengths_)[i] <= options.max_tokens, "sample ", i, " has ", (*lengths_)[i],
                " tokens, which is more than max_tokens (", options.max_tokens,
                "); cut it, leave it out, or give a larger budget");
  }
}

std::vector<std::vector<int64_t>> TokenBudgetSampler::operator()(uint64_t seed) const {
  const auto size = static_cast<int64_t>(lengths_->size());
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  std::vector<int64_t> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  if (options_.shuffle) samples = shuffled(size, generator);
  sort_in_groups(
      samples, *lengths_,
      options_.samples_in_group > 0 ? options_.samples_in_group : std::max<int64_t>(size, 1));
  std::vector<std::vector<int64_t>> batches;
  int64_t longest = 0;
  for (const int64_t sample : samples) {
    const int64_t with_it = std::max(longest, (*lengths_)[sample]);
    const auto count = batches.empty() ? 0 : static_cast<int64_t>(batches.back().size());
    const bool is_full = options_.max_samples > 0 && count == options_.max_samples;
    if (count == 0 || is_full || (count + 1) * with_it > options_.max_tokens) {
      batches.emplace_back();
      longest = 0;
    }
    batches.back().push_back(sample);
    longest = std::max(longest, (*lengths_)[sample]);
  }
  if (!options_.shuffle) return batches;
  std::vector<std::vector<int64_t>> result;
  result.reserve(batches.size());
  for (const int64_t batch : shuffled(static_cast<int64_t>(batches.size()), generator)) {
    result.push_back(std::move(batches[batch]));
  }
  return result;
}

MixtureSampler::MixtureSampler(std::vector<int64_t> sizes, const std::vector<double>& weights,
                               const MixtureSamplerOptions& options)
    : sizes_(std::move(sizes)), weights_(checked_weights(weights)), options_(options) {
  TORCH_CHECK(sizes_.size() == weights.size(), "there are ", weights.size(), " weights for ",
              sizes_.size(), " data sets; give one for each");
  for (size_t i = 0; i < sizes_.size(); ++i) {
    TORCH_CHECK(sizes_[i] > 0 || (sizes_[i] == 0 && weights[i] == 0), "data set ", i, " has ",
                sizes_[i], " samples, but a weight of ", weights[i],
                "; leave it out, or give it the weight 0");
  }
  TORCH_CHECK(options.num_samples >= 0, "num_samples is ", options.num_samples, "; give 0 or more");
  if (options_.num_samples == 0)
    options_.num_samples = std::accumulate(sizes_.begin(), sizes_.end(), int64_t{0});
}

std::vector<int64_t> MixtureSampler::operator()(uint64_t seed) const {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  std::vector<int64_t> samples =
      to_vector(at::multinomial(weights_, options_.num_samples, /*replacement=*/true, generator));

  struct Source {
    int64_t begin = 0;
    std::vector<int64_t> order = {};
    size_t next = 0;
  };
  std::vector<Source> sources;
  for (int64_t begin = 0; const int64_t size : sizes_) {
    sources.push_back({.begin = begin});
    begin += size;
  }
  for (int64_t& sample : samples) {
    Source& source = sources[sample];
    if (source.next == source.order.size()) {
      source.order = shuffled(sizes_[sample], generator);
      source.next = 0;
    }
    sample = source.begin + source.order[source.next++];
  }
  return samples;
}

}  // namespace accelerate
