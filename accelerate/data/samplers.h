// Ready-made samplers for a DataLoader: they draw the same epoch from the same seed in every
// process.
//
//   DataLoader balanced(dataset, {.sampler = WeightedSampler(weights, {.num_samples = 10000})});
//   const LengthGroupedSampler by_length(lengths, {.batch_size = 32});
//   DataLoader alike(dataset, {.batch_sampler = by_length});
//
// Immutable, and so safe to share between threads; a copy shares what it was made of.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace accelerate {

struct WeightedSamplerOptions {
  // In an epoch; 0: as many as there are weights.
  int64_t num_samples = 0;
  // Whether a sample may come more than once in an epoch.
  bool replacement = true;
};

// A Sampler that draws each sample with a probability in proportion to its weight, as Python's
// WeightedRandomSampler does.
class WeightedSampler {
 public:
  // A weight for each sample of the data set, 0 or more; up to 2^24 of them. Throws c10::Error when
  // a weight makes no sense, or fewer samples than are to be drawn have one that is not 0.
  explicit WeightedSampler(const std::vector<double>& weights,
                           const WeightedSamplerOptions& options = {});
  std::vector<int64_t> operator()(uint64_t seed) const;

 private:
  at::Tensor weights_;
  WeightedSamplerOptions options_;
};

struct LengthGroupedSamplerOptions {
  int64_t batch_size = 1;
  // How many batches are sorted by length together: more make batches more alike, and the order
  // less random. 0: 50, or fewer where the data are few.
  int64_t batches_in_group = 0;
};

// A BatchSampler of batches whose samples are of about one length, in random order, the longest
// first: what does not fit into memory is known at once. As the LengthGroupedSampler of Hugging
// Face Transformers.
class LengthGroupedSampler {
 public:
  // A length for each sample of the data set.
  LengthGroupedSampler(std::vector<int64_t> lengths, const LengthGroupedSamplerOptions& options);
  std::vector<std::vector<int64_t>> operator()(uint64_t seed) const;

 private:
  std::shared_ptr<const std::vector<int64_t>> lengths_;
  LengthGroupedSamplerOptions options_;
};

struct TokenBudgetSamplerOptions {
  // What a batch may hold when it is padded to its longest sample: samples times that length.
  int64_t max_tokens = 0;
  // Another limit; 0: none.
  int64_t max_samples = 0;
  // How many samples are sorted by length together; 0: all.
  int64_t samples_in_group = 0;
  // Whether the samples are grouped anew in each epoch, and batches come in random order.
  bool shuffle = true;
};

// A BatchSampler of as many samples of about one length as a budget of tokens allows.
class TokenBudgetSampler {
 public:
  // A length for each sample of the data set. Throws c10::Error when one is beyond the budget by
  // itself.
  TokenBudgetSampler(std::vector<int64_t> lengths, const TokenBudgetSamplerOptions& options);
  std::vector<std::vector<int64_t>> operator()(uint64_t seed) const;

 private:
  std::shared_ptr<const std::vector<int64_t>> lengths_;
  TokenBudgetSamplerOptions options_;
};

struct MixtureSamplerOptions {
  // In an epoch; 0: as many as all data sets have together.
  int64_t num_samples = 0;
};

// A Sampler over several data sets that follow one another (see concatenation.h): which of them a
// sample is of is drawn by their weights. Within each, samples come in a random order without
// repetition, and in another one when all have come. An epoch does not know what the one before it
// has drawn.
class MixtureSampler {
 public:
  // The number of samples of each data set, and its weight. Throws c10::Error when one with a
  // weight has no samples.
  MixtureSampler(std::vector<int64_t> sizes, const std::vector<double>& weights,
                 const MixtureSamplerOptions& options = {});
  std::vector<int64_t> operator()(uint64_t seed) const;

 private:
  std::vector<int64_t> sizes_;
  at::Tensor weights_;
  MixtureSamplerOptions options_;
};

}  // namespace accelerate
