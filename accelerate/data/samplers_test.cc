#include "accelerate/data/samplers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/datasets/map.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "accelerate/data/concatenation.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/loader_test_data.h"
#include "accelerate/data/mapped.h"
#include "accelerate/data/sample_generator.h"
#include "accelerate/data/tensor_dataset.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

const std::vector<std::vector<int64_t>> kUnequal = {
    {0, 1, 2}, {3, 4}, {5, 6, 7, 8}, {9, 10, 11}, {12, 13}};

Batches of_rank(const DataLoaderOptions& options, int rank, int world_size,
                bool even_batches = true, int64_t size = 14) {
  auto loader =
      DataLoader(Numbers(size), options)
          .placed({.rank = rank, .world_size = world_size, .even_batches = even_batches}, 0);
  const int64_t batches = loader.size();
  Batches result = targets(loader);
  EXPECT_EQ(static_cast<int64_t>(result.size()), batches);
  return result;
}

// Ragged batches are shared out whole.
TEST(BatchSampler, SharesOutBatchesOfAnySize) {
  EXPECT_EQ(of_rank({.batch_sampler = kUnequal}, 0, 2),
            (Batches{{0, 1, 2}, {5, 6, 7, 8}, {12, 13}}));
  EXPECT_EQ(of_rank({.batch_sampler = kUnequal}, 1, 2), (Batches{{3, 4}, {9, 10, 11}, {0, 1, 2}}));
  EXPECT_EQ(of_rank({.batch_sampler = kUnequal}, 1, 2, false), (Batches{{3, 4}, {9, 10, 11}}));
  EXPECT_EQ(of_rank({.drop_last = true, .batch_sampler = kUnequal}, 0, 2),
            (Batches{{0, 1, 2}, {5, 6, 7, 8}}));

  const Batches seven = {{0}, {1, 2}, {3}, {4, 5}, {6, 7}, {8, 9, 10, 11}, {12, 13}};
  EXPECT_EQ(of_rank({.batch_sampler = seven}, 0, 3).back(), (std::vector<int64_t>{12, 13}));
  EXPECT_EQ(of_rank({.batch_sampler = seven}, 1, 3).back(), (std::vector<int64_t>{0}));
  EXPECT_EQ(of_rank({.batch_sampler = seven}, 2, 3).back(), (std::vector<int64_t>{1, 2}));
}

TEST(BatchSampler, MarksBatchesThatAreRepeated) {
  for (int rank = 0; rank < 2; ++rank) {
    const auto active = std::make_shared<ActiveLoaders>();
    auto loader = DataLoader(Numbers(14), {.batch_sampler = kUnequal})
                      .placed({.rank = rank, .world_size = 2, .active_loaders = active}, 0);
    std::vector<bool> repeated;
    for ([[maybe_unused]] auto& batch : loader) {
      repeated.push_back(active->current()->is_repetition);
      EXPECT_EQ(active->current()->remainder, -1);
    }
    EXPECT_EQ(repeated, (std::vector<bool>{false, false, rank == 1}));
  }
}

TEST(BatchSampler, IsAskedForEachEpoch) {
  const BatchSampler by_seed([](uint64_t seed) {
    return Batches{{static_cast<int64_t>(seed)}, {0}};
  });
  DataLoader loader(Numbers(9), {.seed = 4, .batch_sampler = by_seed});
  EXPECT_EQ(targets(loader), (Batches{{4}, {0}}));
  EXPECT_EQ(targets(loader), (Batches{{5}, {0}}));
  loader.set_epoch(4);
  EXPECT_EQ(targets(loader), (Batches{{8}, {0}}));
  EXPECT_THAT(message_of([&] { targets(loader); }), HasSubstr("sample 9, but the data set has 9"));
  EXPECT_THAT(message_of([] {
                DataLoader empty(Numbers(9), {.batch_sampler = Batches{{1}, {}}});
                empty.begin();
              }),
              HasSubstr("returned an empty batch"));
}

TEST(Sampler, TakesAnyRange) {
  const std::set<size_t> odd = {1, 3, 5};
  EXPECT_EQ(of_rank({.batch_size = 2, .sampler = odd}, 0, 1), (Batches{{1, 3}, {5}}));
  EXPECT_EQ(of_rank({.batch_size = 2, .sampler = odd}, 1, 2), (Batches{{5, 1}}));
  EXPECT_EQ(of_rank({.batch_size = 2, .sampler = std::vector<int64_t>()}, 0, 1), Batches());
}

TEST(WeightedSampler, DrawsAsPythons) {
  // list(torch.utils.data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5,
  //     replacement, generator=torch.Generator().manual_seed(3))) of PyTorch 2.11.
  const std::vector<double> weights = {0.1, 0.9, 0.4, 0.7, 3.0, 0.6};
  EXPECT_EQ(WeightedSampler(weights, {.num_samples = 5})(3), (std::vector<int64_t>{1, 3, 4, 1, 4}));
  EXPECT_EQ(WeightedSampler(weights, {.num_samples = 5, .replacement = false})(3),
            (std::vector<int64_t>{3, 0, 1, 4, 5}));
  EXPECT_EQ(WeightedSampler({0, 1, 0})(7), (std::vector<int64_t>{1, 1, 1}));
}

TEST(WeightedSampler, RefusesWhatCannotBeDrawn) {
  EXPECT_THAT(message_of([] { WeightedSampler({1, -1}); }), HasSubstr("weight 1 is -1"));
  EXPECT_THAT(message_of([] { WeightedSampler({0, 0}); }), HasSubstr("all weights are 0"));
  EXPECT_THROW(WeightedSampler({}), c10::Error);
  EXPECT_THAT(message_of([] {
                WeightedSampler({1, 0}, {.replacement = false});
              }),
              HasSubstr("2 samples cannot be drawn without replacement"));
}

std::vector<int64_t> sorted(const Batches& batches) {
  std::vector<int64_t> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<int64_t> counted(int64_t size) {
  std::vector<int64_t> all(size);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(LengthGroupedSampler, PutsSamplesOfAboutOneLengthTogether) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 103; ++i) lengths.push_back(i * 37 % 101);
  const LengthGroupedSampler sampler(lengths, {.batch_size = 4, .batches_in_group = 26});
  const Batches batches = sampler(5);
  EXPECT_EQ(sorted(batches), counted(103));
  EXPECT_EQ(lengths[batches[0][0]], 100);
  for (size_t i = 1; i < batches.size(); ++i)
    EXPECT_LE(lengths[batches[i].front()] - lengths[batches[i].back()], 5);
  EXPECT_EQ(sampler(5), batches);
  EXPECT_NE(sampler(6), batches);
  EXPECT_EQ(LengthGroupedSampler({}, {.batch_size = 4})(0), Batches());
}

TEST(LengthGroupedSampler, EqualsTransformers) {
  // LengthGroupedSampler(3, lengths=[5, 1, 4, 2, 8, 3, 9, 7],
  // generator=torch.Generator().manual_seed(1)) of Hugging Face Transformers 4.57, cut into
  // batches; with 2 batches in a group.
  const LengthGroupedSampler sampler({5, 1, 4, 2, 8, 3, 9, 7},
                                     {.batch_size = 3, .batches_in_group = 2});
  EXPECT_EQ(sampler(1), (Batches{{6, 4, 7}, {2, 5, 3}, {0, 1}}));
}

TEST(TokenBudgetSampler, KeepsToItsBudget) {
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 200; ++i) lengths.push_back(1 + i * 37 % 97);
  const TokenBudgetSampler sampler(lengths, {.max_tokens = 300, .max_samples = 20});
  const Batches batches = sampler(1);
  EXPECT_EQ(sorted(batches), counted(200));
  for (const auto& batch : batches) {
    int64_t longest = 0;
    for (const int64_t sample : batch) longest = std::max(longest, lengths[sample]);
    EXPECT_LE(longest * static_cast<int64_t>(batch.size()), 300);
    EXPECT_LE(batch.size(), 20);
  }
  // 200 samples of 49 on average are 9,800 tokens.
  EXPECT_LT(batches.size(), 45);
  EXPECT_NE(sampler(2), batches);
  const TokenBudgetSampler fixed({1, 5, 3}, {.max_tokens = 6, .shuffle = false});
  EXPECT_EQ(fixed(1), (Batches{{1}, {2, 0}}));
  EXPECT_THAT(message_of([] {
                TokenBudgetSampler({1, 7}, {.max_tokens = 6});
              }),
              HasSubstr("sample 1 has 7 tokens"));
}

TEST(MixtureSampler, DrawsByWeightAndWithoutRepetition) {
  const MixtureSampler sampler({1000, 10, 5}, {0.5, 0.5, 0}, {.num_samples = 400});
  const std::vector<int64_t> samples = sampler(3);
  ASSERT_EQ(samples.size(), 400);
  std::vector<int64_t> large, small;
  for (const int64_t sample : samples) (sample < 1000 ? large : small).push_back(sample);
  EXPECT_GT(small.size(), 150);
  EXPECT_GT(large.size(), 150);
  EXPECT_EQ(std::set<int64_t>(large.begin(), large.end()).size(), large.size());
  // All of the small one come before one comes again.
  for (size_t begin = 0; begin + 10 <= small.size(); begin += 10) {
    EXPECT_EQ(std::set<int64_t>(small.begin() + begin, small.begin() + begin + 10).size(), 10);
  }
  EXPECT_LT(*std::max_element(small.begin(), small.end()), 1010);
  EXPECT_EQ(sampler(3), samples);
  EXPECT_THAT(message_of([] { MixtureSampler({3, 0}, {1, 1}); }), HasSubstr("data set 1 has 0"));
}

TEST(Concatenation, GivesTheSamplesOfAll) {
  auto both = concatenate(Numbers(3), Numbers(4));
  EXPECT_EQ(both.sizes(), (std::vector<int64_t>{3, 4}));
  DataLoader loader(both, {.batch_size = 4, .sampler = std::vector<int>{6, 0, 2, 3, 4}});
  EXPECT_EQ(targets(loader), (Batches{{3, 0, 2, 0}, {1}}));

  auto mapped =
      concatenate(Numbers(3), accelerate::map(Numbers(4), [](torch::data::Example<> example) {
                    example.target += 10 * at::randint(1, 100, {}, sample_generator(), at::kLong);
                    return example;
                  }));
  for (const int64_t batch_size : {1, 2, 7}) {
    DataLoader drawn(mapped, {.batch_size = batch_size, .seed = 3});
    std::vector<int64_t> all;
    for (const auto& batch : targets(drawn)) all.insert(all.end(), batch.begin(), batch.end());
    static const std::vector<int64_t> first = all;
    EXPECT_EQ(all, first);
    EXPECT_NE(all[3], all[4] - 1);
  }

  auto stacked = concatenate(TensorDataset(at::arange(3), at::arange(3)),
                             TensorDataset(at::arange(10, 14), at::arange(10, 14)));
  DataLoader of_tensors(stacked, {.batch_size = 4, .sampler = std::vector<int>{6, 0, 2, 3, 4}});
  EXPECT_EQ(targets(of_tensors), (Batches{{13, 0, 2, 10}, {11}}));
  EXPECT_THAT(message_of([&] { both.get_batch(std::vector<size_t>{7}); }),
              HasSubstr("sample 7 was asked for"));
}

}  // namespace
}  // namespace accelerate
