// Loaders of every kind through prepare(), on one process and on several: what each rank gets, and
// what gather_for_metrics() makes of it. Numbers stand for the behaviours of the reference, Hugging
// Face Accelerate 1.15, that a test holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "accelerate/core/test_helpers.h"
#include "accelerate/data/loader_test_data.h"
#include "testing/errors/message_of.h"
#include "testing/errors/warnings.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

std::vector<int64_t> counted(int64_t size) {
  std::vector<int64_t> all(size);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// What all ranks together had, by metrics.
template <class Accelerator, class Loader>
std::vector<int64_t> gathered(Accelerator& accelerator, Loader& loader) {
  std::vector<int64_t> all;
  for (auto& batch : loader) {
    const auto part = values_of(accelerator.gather_for_metrics(batch.target));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<int64_t> sorted(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

struct Given {
  bool split_batches;
  bool dispatch;
};
std::vector<Given> all_ways() {
  return {{false, false}, {false, true}, {true, false}, {true, true}};
}

// 22: whatever the way, all samples come once and in order; 19: both epochs end at their last
// batch.
TEST(DataLoading, GivesAllSamplesInOrder) {
  for (const Given& given : all_ways()) {
    Full accelerator({.split_batches = given.split_batches});
    const int64_t size = 32 * accelerator.num_processes();
    const int64_t batch_size = given.split_batches ? 8 * accelerator.num_processes() : 8;
    for (const int workers : {0, 2}) {
      auto map_style = accelerator.prepare(DataLoader(
          Numbers(size),
          {.batch_size = batch_size, .num_workers = workers, .dispatch = given.dispatch}));
      auto stream = accelerator.prepare(DataLoader(
          NumberStream{.size = size},
          {.batch_size = batch_size, .num_workers = workers, .dispatch = given.dispatch}));
      EXPECT_EQ(map_style.size(), 4);
      for (int epoch = 0; epoch < 2; ++epoch) {
        EXPECT_EQ(gathered(accelerator, map_style), counted(size));
        EXPECT_EQ(gathered(accelerator, stream), counted(size));
      }
    }
  }
}

// 14, 15 and 16: each sample counts once in metrics, also where the last round is filled up.
TEST(DataLoading, CountsEachSampleOnceInMetrics) {
  for (const Given& given : all_ways()) {
    Full accelerator({.split_batches = given.split_batches});
    const int64_t batch_size = given.split_batches ? 4 * accelerator.num_processes() : 4;
    for (const int64_t size : {1, 22, 99}) {
      const DataLoaderOptions options = {.batch_size = batch_size, .dispatch = given.dispatch};
      auto map_style = accelerator.prepare(DataLoader(Numbers(size), options));
      EXPECT_EQ(gathered(accelerator, map_style), counted(size));
      auto stream = accelerator.prepare(DataLoader(NumberStream{.size = size}, options));
      EXPECT_EQ(gathered(accelerator, stream), counted(size));
      auto shuffled = accelerator.prepare(DataLoader(
          Numbers(size), {.batch_size = batch_size, .shuffle = true, .dispatch = given.dispatch}));
      EXPECT_EQ(sorted(gathered(accelerator, shuffled)), counted(size));
    }
  }
}

TEST(DataLoading, CountsEachSampleOfABatchSamplerOnceInMetrics) {
  Full accelerator;
  const Batches batches = {{0, 1, 2}, {3, 4}, {5, 6, 7, 8}, {9}, {10, 11}};
  for (const bool dispatch : {false, true}) {
    auto loader = accelerator.prepare(
        DataLoader(Numbers(12), {.batch_sampler = batches, .dispatch = dispatch}));
    EXPECT_EQ(gathered(accelerator, loader), counted(12));
    auto rest = accelerator.skip_first_batches(loader, 1);
    const auto some = gathered(accelerator, rest);
    EXPECT_EQ(std::set<int64_t>(some.begin(), some.end()).size(), some.size());
  }
}

// After a loop over one loader, within a loop over another.
TEST(DataLoading, DoesNotTakeTheRoundOfAnotherLoaderForThatOfAMetric) {
  Full accelerator;
  const int64_t processes = accelerator.num_processes();
  auto [train, test] =
      accelerator.prepare(DataLoader(Numbers(4 * processes + 1), {.batch_size = 2}),
                          DataLoader(Numbers(8 * processes), {.batch_size = 2}));
  int64_t batches = 0;
  for (auto& batch : train) {
    std::vector<at::Tensor> all;
    for (auto& each : test) all.push_back(each.target);
    const bool is_last = ++batches == 3;
    EXPECT_THAT(message_of([&] { accelerator.gather_for_metrics(torch::cat(all)); }),
                HasSubstr(is_last ? "in the loop over its loader" : "no error"));
    EXPECT_EQ(accelerator.gather_for_metrics(batch.target).size(0), is_last ? 1 : 2 * processes);
  }
}

TEST(DataLoading, RefusesMetricsOfSomeOfTheSamplesOfARoundThatIsFilledUp) {
  Full accelerator;
  const int64_t processes = accelerator.num_processes();
  if (processes == 1) GTEST_SKIP() << "of several processes";
  auto loader = accelerator.prepare(DataLoader(Numbers(8 * processes + 3), {.batch_size = 8}));
  int64_t rounds = 0;
  for (auto& batch : loader) {
    const bool is_last = ++rounds == 2;
    const auto some = batch.target.narrow(0, 2, 6);
    EXPECT_THAT(message_of([&] { accelerator.gather_for_metrics(some); }),
                HasSubstr(is_last ? "also for those that you leave out" : "no error"));
    // A mean of each batch is one for each process.
    EXPECT_EQ(accelerator.gather_for_metrics(batch.target.sum()).size(0),
              is_last ? std::min<int64_t>(processes, 3) : processes);
  }
  EXPECT_EQ(rounds, 2);
}

TEST(DataLoading, TakesTheSeedOfRank0) {
  Full accelerator;
  const auto own = static_cast<uint64_t>(7 + accelerator.process_index());
  auto loader =
      accelerator.prepare(DataLoader(Numbers(40), {.batch_size = 2, .shuffle = true, .seed = own}));
  EXPECT_EQ(sorted(gathered(accelerator, loader)), counted(40));
}

// A look at the first batch, before the loader is prepared, is no pass of the prepared one.
TEST(DataLoading, IsNotWithinAPassOfTheLoaderThatWasGiven) {
  Full accelerator;
  DataLoader raw(Numbers(8 * accelerator.num_processes()), {.batch_size = 2});
  auto first = raw.begin();
  auto loader = accelerator.prepare(raw);
  gathered(accelerator, loader);
  const State after = loader.state();
  EXPECT_EQ(after.count("consumed"), 0);
}

TEST(DataLoading, PreparesALoaderOnce) {
  Full accelerator;
  auto loader = accelerator.prepare(DataLoader(Numbers(8), {.batch_size = 2}));
  auto again = accelerator.prepare(loader);
  EXPECT_EQ(again.identity(), loader.identity());
}

TEST(DataLoading, SaysThatItReturnsNothing) {
  Full accelerator;
  auto loader = accelerator.prepare(DataLoader(Numbers(2), {.batch_size = 3, .drop_last = true}));
  Warnings warnings;
  for ([[maybe_unused]] auto& batch : loader) ADD_FAILURE();
  EXPECT_EQ(warnings.all.size(), accelerator.is_main_process() ? 1u : 0u);
}

TEST(DataLoading, DropsAnIncompleteRound) {
  Full accelerator;
  const int64_t processes = accelerator.num_processes();
  for (const bool dispatch : {false, true}) {
    auto loader =
        accelerator.prepare(DataLoader(NumberStream{.size = 10 * processes + 1},
                                       {.batch_size = 5, .drop_last = true, .dispatch = dispatch}));
    std::vector<int64_t> sizes;
    for (auto& batch : loader)
      sizes.push_back(accelerator.gather_for_metrics(batch.target).size(0));
    EXPECT_EQ(sizes, (std::vector<int64_t>{5 * processes, 5 * processes}));
  }
}

// 13: without even batches the first ranks have more, and nobody waits for ever.
TEST(DataLoading, LeavesTheLastRoundUneven) {
  for (const bool dispatch : {false, true}) {
    Full accelerator({.even_batches = false});
    const int64_t processes = accelerator.num_processes();
    for (const bool is_stream : {false, true}) {
      const DataLoaderOptions options = {.batch_size = 1, .dispatch = dispatch};
      int64_t batches = 0;
      if (is_stream) {
        auto loader = accelerator.prepare(DataLoader(NumberStream{.size = processes + 1}, options));
        for ([[maybe_unused]] auto& batch : loader) ++batches;
      } else {
        auto loader = accelerator.prepare(DataLoader(Numbers(processes + 1), options));
        for ([[maybe_unused]] auto& batch : loader) ++batches;
      }
      EXPECT_EQ(batches, accelerator.is_main_process() ? 2 : 1);
    }
  }
}

// Only rank 0 can open it.
struct OnlyOnRank0 : NumberStream {
  std::optional<torch::data::Example<>> next() {
    TORCH_CHECK(rank == 0, "opened on rank ", rank);
    return NumberStream::next();
  }
  int rank = 0;
};

TEST(DataLoading, ReadsADispatchedStreamOnRank0Alone) {
  Full accelerator;
  OnlyOnRank0 stream;
  stream.size = 30;
  stream.rank = accelerator.process_index();
  auto loader = accelerator.prepare(DataLoader(stream, {.batch_size = 4, .dispatch = true}));
  EXPECT_EQ(gathered(accelerator, loader), counted(30));
  EXPECT_EQ(*stream.reads > 0, accelerator.is_main_process());
}

TEST(DataLoading, TellsAllRanksWhatRank0CouldNotRead) {
  Full accelerator;
  auto loader = accelerator.prepare(
      DataLoader(NumberStream{.size = 30, .bad_number = 0}, {.batch_size = 2, .dispatch = true}));
  EXPECT_THAT(message_of([&] { loader.begin(); }),
              HasSubstr("element 0 of the stream could not be read: element is broken"));
  accelerator.wait_for_everyone();
}

// Can be read once, on rank 0.
struct Pipe : NumberStream {
  explicit Pipe(int64_t length) { size = length; }
  Pipe(Pipe&&) = default;
};

TEST(DataLoading, TellsAllRanksThatAStreamHasEnded) {
  Full accelerator;
  auto loader = accelerator.prepare(DataLoader(Pipe(30), {.batch_size = 2, .dispatch = true}));
  EXPECT_EQ(gathered(accelerator, loader), counted(30));
  const std::string message = message_of([&] { loader.begin(); });
  EXPECT_THAT(message, HasSubstr("was read before"));
  accelerator.wait_for_everyone();
}

// Batches with all that can be sent.
struct Sentences {
  std::vector<std::string> texts;
  std::map<std::string, at::Tensor> tensors;
  std::optional<double> weight;
};

TEST(DataLoading, DispatchesBatchesOfAnyStructure) {
  Full accelerator;
  const auto collate = [](std::vector<torch::data::Example<>> examples) {
    Sentences batch;
    for (const auto& example : examples) {
      const auto number = example.target.item<int64_t>();
      batch.texts.push_back(std::string(number, 'x'));
      batch.tensors[std::to_string(number)] = example.data;
      if (number % 2 == 0) batch.weight = 0.5 * static_cast<double>(number);
    }
    return batch;
  };
  const DataLoaderOptions options = {.batch_size = 2};
  DataLoaderOptions dispatched = options;
  dispatched.dispatch = true;
  auto own = accelerator.prepare(DataLoader(Numbers(11), options, collate));
  auto sent = accelerator.prepare(DataLoader(Numbers(11), dispatched, collate));
  auto expected = own.begin();
  for (Sentences& batch : sent) {
    EXPECT_EQ(batch.texts, expected->texts);
    EXPECT_EQ(batch.weight, expected->weight);
    ASSERT_EQ(batch.tensors.size(), expected->tensors.size());
    for (const auto& [name, tensor] : expected->tensors)
      EXPECT_TRUE(at::equal(batch.tensors.at(name), tensor));
    ++expected;
  }
}

// 21: a state that was saved within an epoch, with the part of each rank.
TEST(DataLoading, GoesOnFromAStateOfAPreparedLoader) {
  Full accelerator;
  const int64_t size = 32 * accelerator.num_processes();
  for (const bool dispatch : {false, true}) {
    const auto make = [&] {
      return accelerator.prepare(DataLoader(
          NumberStream{.size = size}, {.batch_size = 4, .num_workers = 1, .dispatch = dispatch}));
    };
    auto loader = make();
    State state;
    Batches rest;
    int64_t step = 0;
    for (auto& batch : loader) {
      if (++step == 3) state = loader.state();
      if (step > 3) rest.push_back(values_of(batch.target));
    }
    ASSERT_EQ(rest.size(), 5);
    auto resumed = make();
    resumed.load_state(state);
    EXPECT_EQ(targets(resumed), rest);
    // A second time within the same epoch.
    auto again = make();
    again.load_state(state);
    State later;
    for ([[maybe_unused]] auto& batch : again) {
      later = again.state();
      break;
    }
    auto twice = make();
    twice.load_state(later);
    rest.erase(rest.begin());
    EXPECT_EQ(targets(twice), rest);
  }
}

// 19 and 20, of streams.
TEST(DataLoading, KnowsTheActiveStreamAndItsEnd) {
  Full accelerator;
  auto loader = accelerator.prepare(
      DataLoader(NumberStream{.size = 16 * accelerator.num_processes()}, {.batch_size = 4}));
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<bool> syncs;
    for ([[maybe_unused]] auto& batch : loader) {
      auto scope = accelerator.accumulate();
      syncs.push_back(accelerator.sync_gradients());
    }
    EXPECT_EQ(syncs, std::vector<bool>(4, true));
  }
  // The last batch ends a window of gradient accumulation.
  accelerator.set_gradient_accumulation_steps(3);
  std::vector<bool> syncs;
  for ([[maybe_unused]] auto& batch : loader) {
    auto scope = accelerator.accumulate();
    syncs.push_back(accelerator.sync_gradients());
  }
  EXPECT_EQ(syncs, (std::vector<bool>{false, false, true, true}));
}

}  // namespace
}  // namespace accelerate
