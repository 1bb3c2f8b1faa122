#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/data/datasets/stateful.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/loader_test_data.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

template <class Stream>
auto loader_of(const Stream& stream, const DataLoaderOptions& options, int rank, int world_size,
               const DataPlacement& placement = {}) {
  DataPlacement own = placement;
  own.rank = rank;
  own.world_size = world_size;
  return DataLoader(stream, options).placed(own, 0);
}

std::vector<int64_t> joined(const Batches& batches) {
  std::vector<int64_t> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

TEST(StreamLoader, EqualsRecordedIterableDatasetShard) {
  std::ifstream in("accelerate/data/testdata/iterable_shard.json");
  int cases = 0;
  for (const auto& record : nlohmann::json::parse(in)) {
    SCOPED_TRACE(record.dump());
    ++cases;
    const int64_t batch_size = record["batch_size"];
    const int world_size = record["num_processes"];
    if (record["split_batches"] && batch_size % world_size != 0) {
      // The reference gives nobody anything, without a word.
      EXPECT_THAT(message_of([&] {
                    loader_of(NumberStream(), {.batch_size = batch_size}, 0, world_size,
                              {.split_batches = true});
                  }),
                  HasSubstr("must be a multiple"));
      continue;
    }
    for (int rank = 0; rank < world_size; ++rank) {
      for (const int workers : {0, 2}) {
        auto loader = loader_of(
            NumberStream{.size = record["n"]},
            {.batch_size = batch_size, .drop_last = record["drop_last"], .num_workers = workers},
            rank, world_size, {.split_batches = record["split_batches"]});
        auto expected = record["items"][rank].get<std::vector<int64_t>>();
        // A process that is alone has nobody to be even with; there the reference makes no shard.
        if (world_size == 1) expected.resize(std::min<size_t>(expected.size(), record["n"]));
        // In two epochs alike.
        EXPECT_EQ(joined(targets(loader)), expected);
        EXPECT_EQ(joined(targets(loader)), expected);
      }
    }
  }
  EXPECT_GT(cases, 100);
}

TEST(StreamLoader, GivesWhatIsLeftToTheFirstProcessesWhenBatchesNeedNotBeEven) {
  const NumberStream stream{.size = 10};
  for (int rank = 0; rank < 3; ++rank) {
    auto loader = loader_of(stream, {.batch_size = 2}, rank, 3, {.even_batches = false});
    const std::vector<Batches> expected = {{{0, 1}, {6, 7}}, {{2, 3}, {8, 9}}, {{4, 5}}};
    EXPECT_EQ(targets(loader), expected[rank]);
  }
}

TEST(StreamLoader, KnowsItsLastBatch) {
  for (const int64_t size : {15, 16}) {
    for (const bool even_batches : {false, true}) {
      for (int rank = 0; rank < 2; ++rank) {
        const auto active = std::make_shared<ActiveLoaders>();
        auto loader = loader_of(NumberStream{.size = size}, {.batch_size = 2}, rank, 2,
                                {.even_batches = even_batches, .active_loaders = active});
        std::vector<bool> ends;
        for ([[maybe_unused]] auto& batch : loader) {
          ends.push_back(active->current()->end_of_dataloader());
          EXPECT_EQ(active->current()->remainder, ends.back() ? size % 4 : 0);
        }
        EXPECT_EQ(ends, (std::vector<bool>{false, false, false, true}));
        EXPECT_EQ(active->current(), nullptr);
      }
    }
  }
}

// Each of its elements is a batch, of 1, 2, 1, 2, ... rows.
struct BatchStream {
  std::optional<at::Tensor> next() {
    if (position == size) return std::nullopt;
    const int64_t first = position++;
    return at::full({first % 2 + 1}, first);
  }
  int64_t size = 0;
  int64_t position = 0;
};

TEST(StreamLoader, SharesOutWholeBatches) {
  const auto active = std::make_shared<ActiveLoaders>();
  for (int rank = 0; rank < 2; ++rank) {
    auto loader = loader_of(BatchStream{.size = 5}, {.batch_size = std::nullopt}, rank, 2,
                            {.active_loaders = active});
    Batches batches;
    std::vector<bool> repeated;
    for (auto& batch : loader) {
      batches.push_back(values_of(batch));
      repeated.push_back(active->current()->is_repetition);
      // What a program does with a batch is not seen by those that are filled up from it.
      batch.fill_(-1);
    }
    EXPECT_EQ(batches, rank == 0 ? (Batches{{0}, {2}, {4}}) : (Batches{{1, 1}, {3, 3}, {0}}));
    EXPECT_EQ(repeated, (std::vector<bool>{false, false, rank == 1}));
  }
}

// LibTorch's own kind of stream.
class Chunks : public torch::data::datasets::StatefulDataset<Chunks> {
 public:
  torch::optional<std::vector<torch::data::Example<>>> get_batch(size_t size) override {
    std::vector<torch::data::Example<>> batch;
    while (batch.size() < size && position_ < 7) batch.push_back(number_example(position_++));
    return batch.empty() ? torch::nullopt : torch::make_optional(std::move(batch));
  }
  torch::optional<size_t> size() const override { return torch::nullopt; }
  void reset() override { position_ = 0; }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  int64_t position_ = 0;
};

// The same with batches of its own.
class StackedChunks
    : public torch::data::datasets::StatefulDataset<StackedChunks, at::Tensor, size_t> {
 public:
  torch::optional<at::Tensor> get_batch(size_t size) override {
    if (position_ >= 7) return torch::nullopt;
    position_ += static_cast<int64_t>(size);
    return at::arange(position_ - static_cast<int64_t>(size), std::min<int64_t>(position_, 7));
  }
  torch::optional<size_t> size() const override { return torch::nullopt; }
  void reset() override { position_ = 0; }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  int64_t position_ = 0;
};

TEST(StreamLoader, TakesLibTorchsStatefulDataSets) {
  auto loader = loader_of(Chunks(), {.batch_size = 2}, 1, 2);
  EXPECT_EQ(targets(loader), (Batches{{2, 3}, {6, 0}}));
  EXPECT_EQ(targets(loader), (Batches{{2, 3}, {6, 0}}));

  auto stacked = loader_of(StackedChunks(), {.batch_size = 3}, 0, 2);
  for (int epoch = 0; epoch < 2; ++epoch) {
    Batches batches;
    for (auto& batch : stacked) batches.push_back(values_of(batch));
    EXPECT_EQ(batches, (Batches{{0, 1, 2}, {6}}));
  }
}

TEST(StreamLoader, GoesOnAfterAnElementThatCouldNotBeRead) {
  for (const int workers : {0, 1}) {
    DataLoader loader(NumberStream{.size = 8, .bad_number = 3},
                      {.batch_size = 2, .num_workers = workers});
    auto batch = loader.begin();
    EXPECT_EQ(values_of(batch->target), (std::vector<int64_t>{0, 1}));
    EXPECT_EQ(message_of([&] { ++batch; }),
              "element 3 of the stream could not be read: element is broken");
    Batches rest;
    while (++batch != loader.end()) rest.push_back(values_of(batch->target));
    EXPECT_EQ(rest, (Batches{{2, 4}, {5, 6}, {7}}));
  }
}

// Can be read once.
struct Pipe : NumberStream {
  explicit Pipe(int64_t length) { size = length; }
  Pipe(Pipe&&) = default;
};
// Begins anew.
struct Tape : Pipe {
  using Pipe::Pipe;
  void reset() { position = 0; }
};

TEST(StreamLoader, SaysWhenAStreamCannotBeReadAgain) {
  DataLoader loader(Pipe(4), {.batch_size = 2});
  EXPECT_EQ(targets(loader), (Batches{{0, 1}, {2, 3}}));
  EXPECT_THAT(message_of([&] { loader.begin(); }), HasSubstr("was read before"));

  DataLoader tape(Tape(4), {.batch_size = 2});
  EXPECT_EQ(targets(tape).size(), 2);
  auto pass = tape.begin();
  EXPECT_THAT(message_of([&] { tape.begin(); }), HasSubstr("being read by another pass"));
}

TEST(StreamLoader, RefusesOptionsThatAStreamCannotHave) {
  EXPECT_THAT(message_of([] { DataLoader(NumberStream(), {.shuffle = true}); }),
              HasSubstr("its own order"));
  EXPECT_THAT(message_of([] {
                loader_of(BatchStream(), {.batch_size = std::nullopt}, 0, 2,
                          {.split_batches = true});
              }),
              HasSubstr("leave split_batches out"));
}

TEST(StreamLoader, CanBeEmptyOrLeftInTheMiddle) {
  for (const int workers : {0, 1}) {
    DataLoader empty(NumberStream{}, {.batch_size = 2, .num_workers = workers});
    EXPECT_EQ(targets(empty), Batches());
    DataLoader loader(NumberStream{.size = 1000}, {.batch_size = 2, .num_workers = workers});
    for ([[maybe_unused]] auto& batch : loader) break;
    EXPECT_EQ(targets(loader).size(), 500);
  }
}

// Shuffles by its epoch when it begins.
struct ShuffledStream : NumberStream {
  void set_epoch(int64_t of_pass) { epoch = of_pass; }
  void reset() { first = 10 * epoch; }
  std::optional<torch::data::Example<>> next() {
    auto example = NumberStream::next();
    if (example) example->target += first;
    return example;
  }
  int64_t epoch = -1;
  int64_t first = -1;
};

TEST(StreamLoader, TellsTheEpochBeforeTheStreamBegins) {
  ShuffledStream stream;
  stream.size = 2;
  DataLoader loader(stream, {.batch_size = 2});
  EXPECT_EQ(targets(loader), (Batches{{0, 1}}));
  EXPECT_EQ(targets(loader), (Batches{{10, 11}}));
}

TEST(StreamLoader, FillsUpWithWhatTheFirstBatchWasMadeOf) {
  const auto in_place = [](std::vector<torch::data::Example<>> examples) {
    for (auto& example : examples) example.target.add_(100);
    return DefaultCollate()(std::move(examples));
  };
  auto loader = DataLoader(NumberStream{.size = 3}, {.batch_size = 2}, in_place)
                    .placed({.rank = 1, .world_size = 2}, 0);
  EXPECT_EQ(targets(loader), (Batches{{102, 100}}));
  const auto own = DataLoader(NumberStream{.size = 3}, {.batch_size = 2}, in_place);
  auto first = own.placed({.rank = 0, .world_size = 2}, 0);
  EXPECT_EQ(targets(first), (Batches{{100, 101}}));
  auto both = own.placed({.rank = 1, .world_size = 2}, 0);
  EXPECT_EQ(targets(both), (Batches{{102, 100}}));
}

TEST(StreamLoader, GoesOnBehindAnElementThatCouldNotBeRead) {
  const NumberStream stream{.size = 12, .bad_number = 3};
  DataLoader loader(stream, {.batch_size = 2});
  auto batch = loader.begin();
  EXPECT_THROW(++batch, ReadError);
  for (int i = 0; i < 2; ++i) ++batch;
  EXPECT_EQ(values_of(batch->target), (std::vector<int64_t>{5, 6}));
  DataLoader resumed(stream, {.batch_size = 2});
  resumed.load_state(loader.state());
  EXPECT_EQ(targets(resumed), (Batches{{7, 8}, {9, 10}, {11}}));
}

// Hands out a tensor in which it goes on counting.
struct CountsInATensor {
  std::optional<at::Tensor> next() {
    if (position.item<int64_t>() == 12) return std::nullopt;
    position.add_(1);
    return position.clone();
  }
  State state() const {
    State state;
    state.set("position", position);
    return state;
  }
  void load_state(const State& state) { position.copy_(state.tensor("position")); }
  at::Tensor position = at::zeros({}, at::kLong);
};

TEST(StreamLoader, SavesTheStreamAsItWasAtTheBatch) {
  DataLoader loader(CountsInATensor{.position = at::zeros({}, at::kLong)}, {.batch_size = 2});
  auto batch = loader.begin();
  ++batch;
  DataLoader resumed(CountsInATensor{.position = at::zeros({}, at::kLong)}, {.batch_size = 2});
  resumed.load_state(loader.state());
  EXPECT_EQ(values_of(*resumed.begin()), (std::vector<int64_t>{5, 6}));
}

TEST(StreamLoader, StaysInItsEpochWhereTheFirstBatchCannotBeRead) {
  DataLoader loader(NumberStream{.size = 4, .bad_number = 0}, {.batch_size = 2});
  EXPECT_THROW(loader.begin(), ReadError);
  EXPECT_EQ(loader.epoch(), 0);
}

// Cannot begin again, but skips.
struct SkippingPipe : Pipe {
  using Pipe::Pipe;
  void skip(int64_t count) { position += count; }
};

TEST(StreamLoader, SaysWhenTheFirstRoundCannotBeReadAgain) {
  for (int rank = 0; rank < 2; ++rank) {
    auto loader =
        DataLoader(SkippingPipe(9), {.batch_size = 2}).placed({.rank = rank, .world_size = 2}, 0);
    loader.skip(1);
    EXPECT_THAT(message_of([&] { loader.begin(); }), HasSubstr("cannot start again"));
  }
}

// Its elements come from somebody who has stopped sending.
struct Stalled {
  std::optional<at::Tensor> next() {
    if (position == 4) {
      std::unique_lock lock(gate->mutex);
      gate->opened.wait(lock, [this] { return gate->is_open; });
    }
    return at::full({}, position++);
  }
  struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool is_open = false;
  };
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  int64_t position = 0;
};

TEST(StreamLoader, CanBeLeftWhileAWorkerWaitsForData) {
  const Stalled stream;
  DataLoader loader(stream, {.num_workers = 1});
  for (auto& batch : loader) {
    if (batch.item<int64_t>() == 2) break;
  }
  {
    const std::lock_guard lock(stream.gate->mutex);
    stream.gate->is_open = true;
  }
  stream.gate->opened.notify_all();
}

}  // namespace
}  // namespace accelerate
