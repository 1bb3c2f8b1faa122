// Values of every kind through the communication methods, on one process and on four.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <unordered_map>
#include <variant>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using Strings = std::vector<std::string>;

class Exchange : public testing::Test {
 protected:
  // What a function gives for each rank, in a vector.
  template <class Function>
  auto of_all(Function function) {
    std::vector<decltype(function(0))> all;
    for (int rank = 0; rank < size_; ++rank) all.push_back(function(rank));
    return all;
  }
  static at::Tensor row(int value) { return torch::full({1}, value); }

  Full accelerator_;
  int rank_ = accelerator_.process_index();
  int size_ = accelerator_.num_processes();
  at::Tensor ranks_ = torch::arange(size_);
};

TEST_F(Exchange, GathersNumbersAndStrings) {
  EXPECT_EQ(accelerator_.gather(0.5 + rank_), of_all([](int rank) { return 0.5 + rank; }));
  EXPECT_EQ(accelerator_.gather(rank_ == 0), of_all([](int rank) { return rank == 0; }));
  EXPECT_EQ(accelerator_.gather(at::ScalarType::Half),
            of_all([](int) { return at::ScalarType::Half; }));
  EXPECT_EQ(accelerator_.gather(std::to_string(rank_)),
            of_all([](int rank) { return std::to_string(rank); }));
  EXPECT_EQ(accelerator_.gather("text"), Strings(size_, "text"));
  EXPECT_EQ(accelerator_.gather(std::vector<int>(rank_, rank_)).size(),
            static_cast<size_t>(size_ * (size_ - 1) / 2));
}

TEST_F(Exchange, GathersPairsTuplesAndMapsOfThem) {
  const auto [losses, count] = accelerator_.gather(std::pair(row(rank_), rank_));
  EXPECT_TRUE(at::equal(losses, ranks_));
  EXPECT_EQ(count, of_all([](int rank) { return rank; }));
  const auto [truth, nested] = accelerator_.gather(std::tuple(true, std::tuple(row(rank_), "a")));
  EXPECT_EQ(truth, std::vector<bool>(size_, true));
  EXPECT_TRUE(at::equal(std::get<0>(nested), ranks_));
  EXPECT_EQ(std::get<1>(nested), Strings(size_, "a"));
  const std::map<std::string, std::vector<int>> metrics =
      accelerator_.gather(std::map<std::string, int>{{"a", rank_}, {"b", -rank_}});
  EXPECT_EQ(metrics.at("a"), of_all([](int rank) { return rank; }));
  EXPECT_EQ(metrics.at("b"), of_all([](int rank) { return -rank; }));
}

TEST_F(Exchange, TakesTheEntriesOfAnUnorderedMapInOneOrder) {
  std::unordered_map<int, at::Tensor> map;
  for (int i = 0; i < 20; ++i) {
    const int key = rank_ % 2 == 0 ? i : 19 - i;
    map[key] = torch::full({1}, key);
  }
  for (const auto& [key, all] : accelerator_.gather(map))
    EXPECT_TRUE(at::equal(all, torch::full({size_}, key)));
}

struct Nine {
  at::Tensor a, b, c, d, e, f, g, h, i;
};

struct Predictions {
  at::Tensor logits;
  Strings names;
  std::optional<at::Tensor> extra;
  std::variant<std::monostate, at::Tensor> other;
  std::unique_ptr<at::Tensor> owned;
};

class Private {
 public:
  explicit Private(at::Tensor tensor) : tensor_(std::move(tensor)) {}
  const at::Tensor& tensor() const { return tensor_; }

 private:
  friend auto accelerate_parts(Private& value) { return std::tie(value.tensor_); }
  at::Tensor tensor_;
};

TEST_F(Exchange, LooksIntoStructsContainersAndClassesThatTellTheirParts) {
  const at::Tensor mine = row(rank_);
  EXPECT_TRUE(at::equal(
      accelerator_.gather(Nine{mine, mine, mine, mine, mine, mine, mine, mine, mine}).i, ranks_));
  const Predictions all = accelerator_.gather(
      Predictions{mine, {"a", "b"}, mine, mine, std::make_unique<at::Tensor>(mine)});
  EXPECT_TRUE(at::equal(all.logits, ranks_));
  EXPECT_EQ(all.names.size(), 2u * size_);
  EXPECT_TRUE(at::equal(*all.extra, ranks_));
  EXPECT_TRUE(at::equal(std::get<at::Tensor>(all.other), ranks_));
  EXPECT_TRUE(at::equal(*all.owned, ranks_));
  EXPECT_TRUE(at::equal(accelerator_.gather(Private(mine)).tensor(), ranks_));
  torch::OrderedDict<std::string, at::Tensor> dictionary;
  dictionary.insert("a", mine);
  EXPECT_TRUE(at::equal(accelerator_.gather(dictionary)["a"], ranks_));
  EXPECT_TRUE(at::equal(dictionary["a"], mine));
}

TEST_F(Exchange, ReducesNumbers) {
  const int sum = size_ * (size_ - 1) / 2;
  EXPECT_EQ(accelerator_.reduce(rank_), sum);
  EXPECT_EQ(accelerator_.reduce(2.0 * rank_, ReduceOp::kMean), size_ - 1);
  EXPECT_EQ(accelerator_.reduce(rank_ == size_ - 1), true);
  const auto [loss, count] = accelerator_.reduce(std::pair(row(rank_), rank_));
  EXPECT_EQ(loss.item<int>(), sum);
  EXPECT_EQ(count, sum);
  EXPECT_EQ(accelerator_.reduce(std::vector<float>{1, 2}),
            (std::vector<float>{1.f * size_, 2.f * size_}));
  EXPECT_EQ(accelerator_.reduce(std::map<std::string, int>{{"a", 1}}, ReduceOp::kSum).at("a"),
            size_);
}

TEST_F(Exchange, BroadcastsNumbersAndStrings) {
  const int last = size_ - 1;
  EXPECT_EQ(accelerator_.broadcast(rank_, last), last);
  EXPECT_EQ(accelerator_.broadcast(std::to_string(rank_), last), std::to_string(last));
  const std::string text = accelerator_.broadcast(rank_ == last ? "last" : "another", last);
  EXPECT_EQ(text, "last");
  EXPECT_EQ(accelerator_.broadcast(Strings(rank_, "a"), last), Strings(last, "a"));
  EXPECT_EQ(accelerator_.broadcast(std::vector<bool>(rank_, true), last),
            std::vector<bool>(last, true));
  const auto [number, name] =
      accelerator_.broadcast(std::pair(0.5 * rank_, std::to_string(rank_)), last);
  EXPECT_EQ(number, 0.5 * last);
  EXPECT_EQ(name, std::to_string(last));
}

TEST_F(Exchange, LeavesLoneNumbersAloneWhenItPads) {
  const auto [padded, count] =
      accelerator_.pad_across_processes(std::pair(torch::ones({rank_ + 1}), rank_));
  EXPECT_EQ(padded.size(0), size_);
  EXPECT_EQ(count, rank_);
}

TEST_F(Exchange, IsAnErrorOnAllRanksWhereValuesAreBuiltDifferently) {
  if (size_ == 1) GTEST_SKIP() << "needs several processes";
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_THAT(message, HasSubstr(part));
  };
  const std::vector<at::Tensor> several(rank_ == 1 ? 3 : 2, row(1));
  expect(message_of([&] { (void)accelerator_.gather(several); }),
         "gather: the values of the ranks have different structures (rank 0: 2 elements [], rank "
         "1: 3");
  const std::map<std::string, at::Tensor> map{{rank_ == 1 ? "b" : "a", row(1)}};
  expect(message_of([&] { (void)accelerator_.reduce(map); }), "rank 0: { a }, rank 1: { b }");
  std::optional<at::Tensor> optional;
  if (rank_ == 1) optional = row(1);
  expect(message_of([&] { (void)accelerator_.broadcast(optional); }), "rank 0: (none)");
  std::variant<at::Tensor, std::vector<int>> variant = row(1);
  if (rank_ == 1) variant = std::vector<int>{1};
  expect(message_of([&] { (void)accelerator_.gather(variant); }), "rank 1: alternative 1");
  expect(message_of([&] { (void)accelerator_.gather(rank_ == 1 ? at::Tensor() : row(1)); }),
         "rank 1 undefined");
}

TEST_F(Exchange, CountsStringsOfSamplesAsItCountsTensors) {
  const int64_t size = 8 * size_ + 3;
  auto loader = accelerator_.prepare(DataLoader(Line(size, at::kDouble), {.batch_size = 4}));
  int64_t rows = 0;
  for (auto& batch : loader) {
    struct Named {
      at::Tensor x;
      Strings names;
      std::vector<double> values;
    } named{batch.data, {}, {}};
    for (int64_t i = 0; i < batch.data.size(0); ++i) {
      named.values.push_back(batch.data[i].template item<double>());
      named.names.push_back(std::to_string(named.values.back()));
    }
    const Named all = accelerator_.gather_for_metrics(named);
    ASSERT_EQ(static_cast<int64_t>(all.names.size()), all.x.size(0));
    ASSERT_EQ(all.values.size(), all.names.size());
    for (size_t i = 0; i < all.names.size(); ++i) {
      EXPECT_EQ(all.x[i].item<double>(), all.values[i]);
      EXPECT_EQ(all.names[i], std::to_string(all.values[i]));
    }
    rows += all.x.size(0);
  }
  EXPECT_EQ(rows, size);
}

TEST_F(Exchange, BringsAModelsOutputOfAnyFormToFullPrecision) {
  struct Wide : torch::nn::Module {
    Nine forward(const at::Tensor& x) {
      const at::Tensor y = torch::mm(x, x);
      return {y, y, y, y, y, y, y, y, y};
    }
  };
  struct Hiding : torch::nn::Module {
    std::variant<std::string, Private> forward(const at::Tensor& x) {
      return Private(torch::mm(x, x));
    }
  };
  BFloat accelerator;
  auto wide = accelerator.prepare(std::make_shared<Wide>());
  auto hiding = accelerator.prepare(std::make_shared<Hiding>());
  EXPECT_EQ(wide(torch::ones({2, 2})).i.scalar_type(), at::kFloat);
  EXPECT_EQ(std::get<Private>(hiding(torch::ones({2, 2}))).tensor().scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace accelerate
