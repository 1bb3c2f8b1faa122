#include "accelerate/data/data_loader.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/datasets/map.h>
#include <torch/nn/utils/rnn.h>

#include <map>
#include <string>

#include "accelerate/data/loader_test_data.h"
#include "accelerate/data/tensor_dataset.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

TEST(DataLoader, StacksTheExamplesOfEachBatch) {
  DataLoader loader(Numbers(5), {.batch_size = 2});
  EXPECT_EQ(loader.size(), 3);
  EXPECT_EQ(loader.dataset_size(), 5);
  EXPECT_EQ(targets(loader), (Batches{{0, 1}, {2, 3}, {4}}));
}

TEST(DataLoader, TakesABatchThatTheDataSetMade) {
  auto stacked = Numbers(4).map(torch::data::transforms::Stack<>());
  DataLoader loader(stacked, {.batch_size = 4});
  EXPECT_EQ(targets(loader), (Batches{{0, 1, 2, 3}}));
}

TEST(DataLoader, MakesABatchByAFunction) {
  // Rows that are as long as their number plus one, padded to the longest.
  const auto pad = [](std::vector<torch::data::Example<>> examples) {
    std::vector<at::Tensor> rows;
    for (const auto& example : examples)
      rows.push_back(at::arange(example.target.item<int64_t>() + 1));
    return torch::nn::utils::rnn::pad_sequence(rows, /*batch_first=*/true);
  };
  for (const int workers : {0, 2}) {
    DataLoader loader(Numbers(4), {.batch_size = 2, .num_workers = workers}, pad);
    std::vector<std::vector<int64_t>> batches;
    for (at::Tensor& batch : loader) batches.push_back(values_of(batch));
    EXPECT_EQ(batches, (Batches{{0, 0, 0, 1}, {0, 1, 2, 0, 0, 1, 2, 3}}));
  }
}

// Words of two letters; a type that nobody can stack.
class Words : public torch::data::datasets::Dataset<Words, std::string> {
 public:
  std::string get(size_t index) override { return "w" + std::to_string(index); }
  std::optional<size_t> size() const override { return 3; }
};

TEST(DataLoader, LeavesOtherExamplesAsTheyAre) {
  DataLoader loader(Words(), {.batch_size = 2});
  std::vector<std::vector<std::string>> batches;
  for (auto& batch : loader) batches.push_back(batch);
  EXPECT_EQ(batches, (std::vector<std::vector<std::string>>{{"w0", "w1"}, {"w2"}}));
}

TEST(DataLoader, TakesExamplesForBatches) {
  DataLoader words(Words(), {}, WholeBatches());
  std::vector<std::string> batches;
  for (std::string& batch : words) batches.push_back(batch);
  EXPECT_EQ(batches, (std::vector<std::string>{"w0", "w1", "w2"}));

  auto numbers =
      DataLoader(Numbers(3), {.batch_size = std::nullopt}).placed({.rank = 1, .world_size = 2}, 0);
  std::vector<int64_t> targets;
  for (auto& batch : numbers) {
    EXPECT_EQ(batch.data.sizes(), at::IntArrayRef({2}));
    targets.push_back(batch.target.item<int64_t>());
  }
  // Filled up by a whole batch.
  EXPECT_EQ(targets, (std::vector<int64_t>{1, 0}));
}

TEST(DataLoader, StacksTensors) {
  struct Rows : torch::data::datasets::Dataset<Rows, at::Tensor> {
    at::Tensor get(size_t index) override { return at::full({2}, static_cast<int64_t>(index)); }
    std::optional<size_t> size() const override { return 2; }
  };
  DataLoader loader(Rows(), {.batch_size = 2});
  for (at::Tensor& batch : loader) EXPECT_EQ(values_of(batch), (std::vector<int64_t>{0, 0, 1, 1}));
}

// Draws as it reads.
class Noise : public torch::data::datasets::Dataset<Noise> {
 public:
  torch::data::Example<> get(size_t index) override {
    return {at::randint(1000, {2}, sample_generator(), at::kLong),
            at::full({}, static_cast<int64_t>(index))};
  }
  std::optional<size_t> size() const override { return 12; }
};

// What was drawn for each sample.
template <class Loader>
std::map<int64_t, std::vector<int64_t>> drawn(Loader& loader) {
  std::map<int64_t, std::vector<int64_t>> result;
  for (auto& batch : loader) {
    for (int64_t i = 0; i < batch.target.size(0); ++i)
      result[batch.target[i].template item<int64_t>()] = values_of(batch.data[i]);
  }
  return result;
}

TEST(DataLoader, DrawsTheSameForASampleWhoeverReadsIt) {
  DataLoader plain(Noise(), {.batch_size = 4, .seed = 5});
  const auto first = drawn(plain), second = drawn(plain);
  EXPECT_NE(first.at(0), first.at(1));
  EXPECT_NE(first.at(0), second.at(0));
  DataLoader other(Noise(), {.batch_size = 3, .shuffle = true, .seed = 5, .num_workers = 3});
  EXPECT_EQ(drawn(other), first);
  EXPECT_EQ(drawn(other), second);
  EXPECT_THROW(sample_generator(), c10::Error);
}

// Its samples are those of its epoch.
class Epochs : public torch::data::datasets::Dataset<Epochs> {
 public:
  void set_epoch(int64_t epoch) { epoch_ = epoch; }
  torch::data::Example<> get(size_t) override { return {at::zeros({2}), at::full({}, epoch_)}; }
  std::optional<size_t> size() const override { return 2; }

 private:
  int64_t epoch_ = -1;
};

TEST(DataLoader, TellsTheDataSetItsEpoch) {
  for (const int workers : {0, 2}) {
    DataLoader loader(Epochs(), {.num_workers = workers});
    Batches outer, inner;
    for (auto& batch : loader) {
      outer.push_back(values_of(batch.target));
      if (outer.size() == 1) inner = targets(loader);
    }
    EXPECT_EQ(outer, (Batches{{0}, {0}}));
    EXPECT_EQ(inner, (Batches{{1}, {1}}));
  }
}

TEST(DataLoader, ShufflesEachEpochAsPythonsSeedableSampler) {
  DataLoader loader(Numbers(10), {.batch_size = 10, .shuffle = true, .seed = 42});
  // torch.randperm(10, generator=torch.Generator().manual_seed(42)), then 43, of PyTorch 2.11.
  EXPECT_EQ(targets(loader), (Batches{{2, 6, 1, 8, 4, 5, 0, 9, 3, 7}}));
  const Batches second = targets(loader);
  EXPECT_EQ(loader.epoch(), 2);
  loader.set_epoch(1);
  EXPECT_EQ(targets(loader), second);
}

TEST(DataLoader, GivesEachProcessItsShare) {
  const DataLoader loader(Numbers(22), {.batch_size = 3});
  auto first = loader.placed({.rank = 0, .world_size = 2}, 0);
  auto second = loader.placed({.rank = 1, .world_size = 2}, 0);
  EXPECT_EQ(targets(first).back(), (std::vector<int64_t>{18, 19, 20}));
  EXPECT_EQ(targets(second).back(), (std::vector<int64_t>{21, 0, 1}));
}

TEST(DataLoader, ReadsAheadInOrder) {
  DataLoader loader(Numbers(100), {.batch_size = 7, .num_workers = 3});
  DataLoader plain(Numbers(100), {.batch_size = 7});
  EXPECT_EQ(targets(loader), targets(plain));
  EXPECT_EQ(targets(loader), targets(plain));
}

TEST(DataLoader, CanBeLeftInTheMiddleOfAnEpoch) {
  for (const int workers : {0, 2}) {
    DataLoader loader(Numbers(100), {.batch_size = 7, .num_workers = workers});
    for (auto& batch : loader) {
      if (batch.target[0].template item<int64_t>() == 14) break;
    }
    EXPECT_EQ(targets(loader).size(), 15u);
  }
}

TEST(DataLoader, PassesOnWhatTheDataSetThrows) {
  for (const int workers : {0, 2}) {
    Numbers numbers(20);
    numbers.bad_index = 11;
    DataLoader loader(numbers, {.batch_size = 2, .num_workers = workers});
    EXPECT_THROW(targets(loader), std::runtime_error);
  }
}

TEST(DataLoader, SaysWhichSampleCouldNotBeReadAndByWhom) {
  Numbers numbers(20);
  numbers.bad_index = 11;
  DataLoader loader(numbers, {.batch_size = 4});
  EXPECT_THAT(message_of([&] { targets(loader); }),
              "sample 11 could not be read: sample is broken");
  DataLoader with_workers(numbers, {.batch_size = 4, .num_workers = 2});
  EXPECT_THAT(
      message_of([&] { targets(with_workers); }),
      testing::MatchesRegex("sample 11 could not be read by worker [01]: sample is broken"));
  DataLoader whole(numbers.map(torch::data::transforms::Stack<>()), {.batch_size = 4});
  EXPECT_THAT(message_of([&] { targets(whole); }),
              "one of the samples 8, 9, 10, 11 could not be read: sample is broken");
}

TEST(DataLoader, GoesOnAfterABatchThatCouldNotBeRead) {
  for (const int workers : {0, 2}) {
    Numbers numbers(8);
    numbers.bad_index = 3;
    DataLoader loader(numbers, {.batch_size = 2, .num_workers = workers});
    auto batch = loader.begin();
    EXPECT_THROW(++batch, std::runtime_error);
    Batches rest;
    while (++batch != loader.end()) rest.push_back({batch->target[0].item<int64_t>()});
    EXPECT_EQ(rest, (Batches{{4}, {6}}));
  }
}

TEST(DataLoader, OfNothingHasNoBatches) {
  DataLoader loader(Numbers(0), {.batch_size = 2, .num_workers = 1});
  EXPECT_EQ(targets(loader), Batches());
}

TEST(DataLoader, TellsWhichLoaderIsActiveAndWhenItEnds) {
  const auto active = std::make_shared<ActiveLoaders>();
  auto outer = DataLoader(Numbers(16), {.batch_size = 4}).placed({.active_loaders = active}, 0);
  auto inner = DataLoader(Numbers(5), {.batch_size = 4}).placed({.active_loaders = active}, 0);
  std::vector<bool> ends;
  for ([[maybe_unused]] auto& batch : outer) {
    ends.push_back(active->current()->end_of_dataloader());
    EXPECT_EQ(active->current()->remainder, 0);
    for ([[maybe_unused]] auto& other : inner) EXPECT_EQ(active->current()->remainder, 1);
    EXPECT_EQ(active->current()->remainder, 0);
  }
  EXPECT_EQ(ends, (std::vector<bool>{false, false, false, true}));
  EXPECT_EQ(active->current(), nullptr);
}

TEST(DataLoader, RefusesOptionsThatMakeNoSense) {
  EXPECT_THROW(DataLoader(Numbers(3), {.batch_size = 0}), c10::Error);
  EXPECT_THROW(DataLoader(Numbers(3), {.num_workers = -1}), c10::Error);
  EXPECT_THROW(DataLoader(Numbers(3), {.shuffle = true, .sampler = std::vector<int64_t>{0}}),
               c10::Error);
  EXPECT_THROW(DataLoader(Numbers(3), {.batch_size = 2, .batch_sampler = Batches{{0}}}),
               c10::Error);
}

TEST(TensorDataset, GivesCopiesOfItsRows) {
  const at::Tensor data = at::arange(12).view({6, 2}), label = at::arange(6);
  TensorDataset dataset(data, label);
  for (const std::vector<size_t>& rows : std::vector<std::vector<size_t>>{{1, 2, 3}, {4, 0}, {}}) {
    auto batch = dataset.get_batch(rows);
    ASSERT_EQ(batch.target.size(0), static_cast<int64_t>(rows.size()));
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<int64_t>(i), expected = static_cast<int64_t>(rows[i]);
      EXPECT_EQ(batch.target[row].item<int64_t>(), expected);
      EXPECT_EQ(batch.data[row][1].item<int64_t>(), 2 * expected + 1);
    }
    batch.data.fill_(-1);
  }
  EXPECT_TRUE(at::equal(data.flatten(), at::arange(12)));
  EXPECT_THROW(TensorDataset(at::zeros({2}), at::zeros({3})), c10::Error);
  EXPECT_THROW(TensorDataset(at::zeros({}), at::zeros({})), c10::Error);
}

TEST(TensorDataset, TakesTensorsThatAreLaidOutInAnyWay) {
  const at::Tensor label = at::arange(6);
  for (const at::Tensor& data : {at::arange(12).view({2, 6}).t(), at::arange(2).expand({6, 2}),
                                 at::zeros({6, 0}, at::kLong), at::ones({6}, at::kBool)}) {
    TensorDataset dataset(data, label);
    for (const std::vector<size_t>& rows : std::vector<std::vector<size_t>>{{1, 2}, {5, 0}}) {
      const auto index = at::tensor({static_cast<int64_t>(rows[0]), static_cast<int64_t>(rows[1])});
      EXPECT_TRUE(at::equal(dataset.get_batch(rows).data, data.index_select(0, index)));
    }
  }
}

TEST(TensorDataset, RefusesARowThatIsNone) {
  TensorDataset dataset(at::zeros({3, 2}), at::zeros({3}));
  EXPECT_THROW(dataset.get_batch(std::vector<size_t>{0, 3}), c10::Error);
}

TEST(TensorDataset, GoesThroughALoader) {
  DataLoader loader(TensorDataset(at::arange(5), at::arange(5)), {.batch_size = 2});
  std::vector<int64_t> sums;
  for (auto& batch : loader) sums.push_back(batch.data.sum().item<int64_t>());
  EXPECT_EQ(sums, (std::vector<int64_t>{1, 5, 4}));
}

}  // namespace
}  // namespace accelerate
