#include "accelerate/data/data_loader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/data/datasets/map.h>

#include "accelerate/data/tensor_dataset.h"

namespace accelerate {
namespace {

// The numbers 0 to n - 1, one by one.
class Numbers : public torch::data::datasets::Dataset<Numbers> {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  torch::data::Example<> get(size_t index) override {
    if (index == bad_index) throw std::runtime_error("sample is broken");
    return {at::full({2}, static_cast<int64_t>(index)), at::full({}, static_cast<int64_t>(index))};
  }
  std::optional<size_t> size() const override { return size_; }

  size_t bad_index = SIZE_MAX;

 private:
  size_t size_;
};

using Batches = std::vector<std::vector<int64_t>>;

std::vector<int64_t> values_of(const at::Tensor& tensor) {
  const at::Tensor row = tensor.contiguous();
  return {row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.numel()};
}

template <class Loader>
Batches targets(Loader& loader) {
  Batches result;
  for (auto& batch : loader) {
    EXPECT_EQ(batch.data.sizes(), at::IntArrayRef({batch.target.size(0), 2}));
    result.push_back(values_of(batch.target));
  }
  return result;
}

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

TEST(DataLoader, ShufflesEachEpochAsPythonsSeedableSampler) {
  DataLoader loader(Numbers(10), {.batch_size = 10, .shuffle = true, .seed = 42});
  // torch.randperm(10, generator=torch.Generator().manual_seed(42)), then 43, of PyTorch 2.11.
  EXPECT_EQ(targets(loader), (Batches{{2, 6, 1, 8, 4, 5, 0, 9, 3, 7}}));
  const Batches second = targets(loader);
  EXPECT_EQ(loader.epoch(), 2);
  loader.set_epoch(1);
  EXPECT_EQ(targets(loader), second);
}

TEST(DataLoader, GoesOnWithinAPassFromAState) {
  for (const int workers : {0, 2}) {
    const DataLoaderOptions options = {.batch_size = 3, .shuffle = true, .num_workers = workers};
    const auto loaders = std::make_shared<ActiveLoaders>();
    DataLoader run = DataLoader(Numbers(10), options).placed({.active_loaders = loaders}, 42);
    targets(run);
    State saved;
    Batches expected;
    int64_t batches = 0;
    for (auto& batch : run) {
      if (++batches == 2) saved = loaders->save();
      if (batches > 2) expected.push_back(values_of(batch.target));
    }
    const Batches next_epoch = targets(run);

    const auto others = std::make_shared<ActiveLoaders>();
    DataLoader other = DataLoader(Numbers(10), options).placed({.active_loaders = others}, 7);
    others->load(saved);
    EXPECT_EQ(other.epoch(), 1);
    EXPECT_EQ(targets(other), expected);
    EXPECT_EQ(targets(other), next_epoch);
  }
}

TEST(DataLoader, GoesOnWithinAPassThatOthersWereBegunIn) {
  const DataLoaderOptions options = {.batch_size = 3, .shuffle = true};
  const auto loaders = std::make_shared<ActiveLoaders>();
  DataLoader run = DataLoader(Numbers(10), options).placed({.active_loaders = loaders}, 42);
  State saved;
  Batches expected;
  int64_t batches = 0;
  for (auto& batch : run) {
    if (++batches == 2) {
      targets(run);
      saved = loaders->save();
    }
    if (batches > 2) expected.push_back(values_of(batch.target));
  }
  const Batches next_epoch = targets(run);

  const auto others = std::make_shared<ActiveLoaders>();
  DataLoader other = DataLoader(Numbers(10), options).placed({.active_loaders = others}, 7);
  others->load(saved);
  EXPECT_EQ(targets(other), expected);
  EXPECT_EQ(targets(other), next_epoch);
}

TEST(DataLoader, BeginsAnotherEpochThanThatOfAStateAtItsStart) {
  const DataLoaderOptions options = {.batch_size = 3, .shuffle = true};
  const auto loaders = std::make_shared<ActiveLoaders>();
  DataLoader loader = DataLoader(Numbers(10), options).placed({.active_loaders = loaders}, 42);
  State state = loaders->save();
  state.set("0.epoch", int64_t{2});
  state.set("0.batch", int64_t{1});
  state.set("0.next_epoch", int64_t{7});
  loader.set_epoch(5);
  const Batches expected = targets(loader), next = targets(loader);
  // The same epoch goes on where it was.
  loaders->load(state);
  loader.set_epoch(2);
  EXPECT_EQ(targets(loader).size(), 3);
  EXPECT_EQ(loader.epoch(), 7);
  loaders->load(state);
  loader.set_epoch(5);
  EXPECT_EQ(targets(loader), expected);
  EXPECT_EQ(targets(loader), next);
}

TEST(DataLoader, RefusesAStateOfLongerEpochs) {
  const auto loaders = std::make_shared<ActiveLoaders>();
  DataLoader loader = DataLoader(Numbers(4), {}).placed({.active_loaders = loaders}, 0);
  State state = loaders->save();
  state.set("0.batch", int64_t{5});
  loaders->load(state);
  EXPECT_THROW(loader.begin(), c10::Error);
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
