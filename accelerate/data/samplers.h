// Ready-made samplers for a DataLoader. From the same seed they draw the same epoch in every
// process.
//
//   DataLoader balanced(dataset, {.sampler = WeightedSampler(weights, {.num_samples = 10000})});
//   const LengthGroupedSampler by_length(lengths, {.batch_size = 32});
//   DataLoader alike(dataset, {.batch_sampler = by_length});
//
// Immutable, and therefore thread-safe; a copy shares its data. Not for streams.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace accelerate {

struct WeightedSamplerOptions {
  // Samples in an epoch; 0: as many as there are weights.
  int64_t num_samples = 0;
  // Whether a sample may come more than once in an epoch.
  bool replacement = true;
};

// A Sampler that draws each sample with a probability proportional to its weight, as Python's
// WeightedRandomSampler does.
class WeightedSampler {
 public:
  // One weight per sample of the data set, 0 or more; at most 2^24 of them. Throws c10::Error if a
  // weight is negative or not finite, or if without replacement fewer samples have a positive
  // weight than should be drawn.
  explicit WeightedSampler(const std::vector<double>& weights,
                           const WeightedSamplerOptions& options = {});
  std::vector<int64_t> operator()(uint64_t seed) const;

 private:
  at::Tensor weights_;
  WeightedSamplerOptions options_;
};

struct LengthGroupedSamplerOptions {
  int64_t batch_size = 1;
  // How many batches are sorted by length together: more batches make lengths more alike, and the
  // order less random. 0: 50, or fewer for a small data set.
  int64_t batches_in_group = 0;
};

// A BatchSampler whose batches hold samples of similar length, in random order. The batch with the
// longest sample comes first, so that running out of memory shows at once. Like the
// LengthGroupedSampler of Hugging Face Transformers.
class LengthGroupedSampler {
 public:
  // One length per sample of the data set.
  LengthGroupedSampler(std::vector<int64_t> lengths, const LengthGroupedSamplerOptions& options);
  std::vector<std::vector<int64_t>> operator()(uint64_t seed) const;

 private:
  std::shared_ptr<const std::vector<int64_t>> lengths_;
  LengthGroupedSamplerOptions options_;
};

struct TokenBudgetSamplerOptions {
  // The largest size of a batch once it is padded: its samples times its longest length.
  int64_t max_tokens = 0;
  // The largest number of samples in a batch; 0: no limit.
  int64_t max_samples = 0;
  // How many samples are sorted by length together; 0: all.
  int64_t samples_in_group = 0;
  // Whether each epoch groups the samples differently and shuffles the batches.
  bool shuffle = true;
};

// A BatchSampler whose batches hold as many samples of similar length as a budget of tokens allows.
class TokenBudgetSampler {
 public:
  // One length per sample of the data set. Throws c10::Error if one sample alone exceeds the
  // budget.
  TokenBudgetSampler(std::vector<int64_t> lengths, const TokenBudgetSamplerOptions& options);
  std::vector<std::vector<int64_t>> operator()(uint64_t seed) const;

 private:
  std::shared_ptr<const std::vector<int64_t>> lengths_;
  TokenBudgetSamplerOptions options_;
};

struct MixtureSamplerOptions {
  // Samples in an epoch; 0: as many as all data sets have together.
  int64_t num_samples = 0;
};

// A Sampler over concatenated data sets (see concatenation.h). The data set of each sample is drawn
// by weight. Within a data set, samples come in random order without repetition, and in a new order
// once all have come. Epochs are independent of each other.
class MixtureSampler {
 public:
  // The number of samples of each data set, and its weight. Throws c10::Error if a data set with a
  // positive weight has no samples.
  MixtureSampler(std::vector<int64_t> sizes, const std::vector<double>& weights,
                 const MixtureSamplerOptions& options = {});
  std::vector<int64_t> operator()(uint64_t seed) const;

 private:
  std::vector<int64_t> sizes_;
  at::Tensor weights_;
  MixtureSamplerOptions options_;
};

}  // namespace accelerate
