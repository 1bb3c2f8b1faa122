#include "accelerate/data/mapped.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>

#include "accelerate/data/csv_file.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"

namespace accelerate {
namespace {

// The numbers 0 to n - 1, one by one.
class Numbers : public torch::data::datasets::Dataset<Numbers> {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  torch::data::Example<> get(size_t index) override {
    return {at::full({2}, static_cast<int64_t>(index)), at::full({}, static_cast<int64_t>(index))};
  }
  std::optional<size_t> size() const override { return size_; }
  void set_epoch(int64_t epoch) { *last_epoch = epoch; }

  std::shared_ptr<int64_t> last_epoch = std::make_shared<int64_t>(-1);

 private:
  size_t size_;
};

// Words of growing length; each can be had once.
class Words {
 public:
  explicit Words(int64_t count) : count_(count) {}
  Words(Words&&) = default;

  std::optional<std::unique_ptr<std::string>> next() {
    if (place_ == count_) return std::nullopt;
    return std::make_unique<std::string>(++place_, 'w');
  }
  int64_t size() const { return count_; }
  void set_epoch(int64_t epoch) { place_ = epoch; }
  void reset() { place_ = 0; }
  void skip(int64_t count) { place_ += count; }
  int64_t state() const { return place_; }
  void load_state(int64_t place) { place_ = place; }

 private:
  int64_t count_;
  int64_t place_ = 0;
};

struct Bare {
  std::optional<int> next() { return 1; }
};

// Has a state that it cannot tell when it is const.
struct Odd : Bare {
  int state() { return 3; }
};

template <class T>
concept TellsItsState = requires(T& data) {
  data.state();
};
template <class T>
concept TellsItsSize = requires(T& data) {
  data.size();
};

TEST(Map, IsAppliedToEachSampleOfADataSetOfSamples) {
  auto doubled = accelerate::map(Numbers(5), [](torch::data::Example<> sample) {
    EXPECT_EQ(sample.data.sizes(), at::IntArrayRef({2}));
    sample.data = sample.data * 2;
    return sample;
  });
  EXPECT_EQ(doubled.size(), 5);
  DataLoader loader(doubled, {.batch_size = 2});
  std::vector<int64_t> firsts;
  for (auto& batch : loader) {
    EXPECT_EQ(batch.data.size(1), 2);
    EXPECT_TRUE(batch.data.select(1, 0).equal(batch.target * 2));
    firsts.push_back(batch.target[0].item<int64_t>());
  }
  EXPECT_EQ(firsts, (std::vector<int64_t>{0, 2, 4}));
}

TEST(Map, CanChangeTheTypeOfSamples) {
  auto values = accelerate::map(Numbers(3), [](const torch::data::Example<>& sample) {
    return sample.target.item<int64_t>() + 0.5;
  });
  const std::vector<double> batch = values.get_batch(std::vector<size_t>{2, 0});
  EXPECT_EQ(batch, (std::vector<double>{2.5, 0.5}));
}

TEST(Map, IsAppliedToTheWholeBatchOfADataSetThatMakesBatches) {
  const std::string path = testing::TempDir() + "/mapped.csv";
  std::ofstream(path) << "x,y\n1,10\n2,20\n3,30\n";
  int64_t calls = 0;
  auto scaled = accelerate::map(CsvFile(path), [&calls](auto batch) {
    ++calls;
    batch.data /= 4;
    return batch;
  });
  EXPECT_EQ(scaled.size(), 3);
  const auto batch = scaled.get_batch(std::vector<size_t>{2, 0});
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(batch.data.equal(at::tensor({0.75F, 0.25F}).view({2, 1})));
  EXPECT_TRUE(batch.target.equal(at::tensor({30, 10}, at::kLong)));
}

TEST(Map, CanBeMappedAgainAndReadByWorkers) {
  const at::Tensor rows = at::arange(12, at::kFloat).view({6, 2});
  const auto add_one = [](auto batch) {
    batch.data = batch.data + 1;
    return batch;
  };
  auto mapped = accelerate::map(accelerate::map(TensorDataset(rows, at::arange(6)), add_one),
                                [](auto batch) { return std::pair(batch.data, batch.target); });
  for (const int workers : {0, 2}) {
    DataLoader loader(mapped, {.batch_size = 4, .num_workers = workers});
    std::vector<at::Tensor> parts;
    for (auto& [data, target] : loader) parts.push_back(data);
    EXPECT_TRUE(at::cat(parts).equal(rows + 1));
  }
}

// A function with a state, such as a generator, is its own for each copy.
TEST(Map, CopiesTheFunction) {
  auto counted = accelerate::map(Numbers(3), [count = 0](auto sample) mutable {
    sample.target = at::full({}, ++count);
    return sample;
  });
  auto other = counted;
  EXPECT_EQ(counted.get_batch(std::vector<size_t>{0, 1})[1].target.item<int64_t>(), 2);
  EXPECT_EQ(other.get_batch(std::vector<size_t>{0})[0].target.item<int64_t>(), 1);
}

TEST(Map, TellsADataSetTheEpoch) {
  Numbers numbers(2);
  auto mapped = accelerate::map(accelerate::map(numbers, [](auto sample) { return sample; }),
                                [](auto batch) { return batch; });
  mapped.set_epoch(4);
  EXPECT_EQ(*numbers.last_epoch, 4);
  static_assert(!TellsItsState<decltype(mapped)>);
}

TEST(Map, IsAppliedToEachElementOfAStream) {
  auto lengths =
      accelerate::map(Words(3), [](std::unique_ptr<std::string> word) { return word->size(); });
  std::vector<size_t> found;
  while (const std::optional<size_t> length = lengths.next()) found.push_back(*length);
  EXPECT_EQ(found, (std::vector<size_t>{1, 2, 3}));
  EXPECT_EQ(lengths.next(), std::nullopt);
  EXPECT_EQ(lengths.size(), 3);
}

TEST(Map, HasThePositionsOfTheStream) {
  auto lengths = accelerate::map(Words(9), [](auto word) { return word->size(); });
  lengths.skip(2);
  EXPECT_EQ(lengths.next(), 3);
  const auto& constant = lengths;
  const int64_t state = constant.state();
  EXPECT_EQ(state, 3);
  lengths.reset();
  EXPECT_EQ(lengths.next(), 1);
  lengths.load_state(state);
  EXPECT_EQ(lengths.next(), 4);
  lengths.set_epoch(7);
  EXPECT_EQ(lengths.next(), 8);
}

TEST(Map, HasNoMoreThanTheStreamHas) {
  auto mapped = accelerate::map(Bare(), [](int value) { return value + 1; });
  EXPECT_EQ(mapped.next(), 2);
  static_assert(!TellsItsState<decltype(mapped)> && !TellsItsSize<decltype(mapped)>);
  auto odd = accelerate::map(Odd(), [](int value) { return value; });
  EXPECT_EQ(odd.state(), 3);
}

}  // namespace
}  // namespace accelerate
