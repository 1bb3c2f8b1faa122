#include "accelerate/data/loader_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/loader_test_data.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Loaders of `world_size` processes, which are all in this one.
template <class Dataset>
auto loaders_of_all(const Dataset& dataset, const DataLoaderOptions& options, int world_size,
                    bool even_batches = true) {
  std::vector<DataLoader<Dataset>> loaders;
  for (int rank = 0; rank < world_size; ++rank) {
    loaders.push_back(
        DataLoader(dataset, options)
            .placed({.rank = rank, .world_size = world_size, .even_batches = even_batches}, 42));
  }
  return loaders;
}

// What all processes have had together, round by round, of up to `rounds` of a pass; and their
// states then.
struct Given {
  std::vector<int64_t> samples;
  std::vector<State> states;
};
template <class Loaders>
Given given(Loaders& loaders, int64_t rounds) {
  std::vector<Batches> batches(loaders.size());
  Given result;
  for (size_t rank = 0; rank < loaders.size(); ++rank) {
    int64_t round = 0;
    for (auto& batch : loaders[rank]) {
      batches[rank].push_back(values_of(batch.target));
      if (++round == rounds) {
        result.states.push_back(loaders[rank].state());
        break;
      }
    }
    if (round < rounds) result.states.push_back(loaders[rank].state());
  }
  for (size_t round = 0; round < batches[0].size(); ++round) {
    for (const auto& of_rank : batches) {
      if (round < of_rank.size())
        result.samples.insert(result.samples.end(), of_rank[round].begin(), of_rank[round].end());
    }
  }
  return result;
}

std::string text_of(const State& state) {
  std::ostringstream text;
  text << state;
  return text.str();
}

constexpr int64_t kAll = 1000;

// An epoch that is broken off twice, each time going on with another number of processes and
// workers.
template <class Dataset>
void expect_one_order(const Dataset& dataset, DataLoaderOptions options, int64_t size) {
  auto unbroken = loaders_of_all(dataset, options, 1);
  const std::vector<int64_t> expected = given(unbroken, kAll).samples;
  const std::vector<int64_t> next = given(unbroken, kAll).samples;
  ASSERT_EQ(static_cast<int64_t>(expected.size()), size);
  for (int first = 1; first <= 4; ++first) {
    for (int second = 1; second <= 4; ++second) {
      for (const int workers : {0, 2}) {
        SCOPED_TRACE(testing::Message()
                     << first << " processes, then " << second << ", " << workers << " workers");
        options.num_workers = workers;
        auto loaders = loaders_of_all(dataset, options, first, /*even_batches=*/false);
        Given before = given(loaders, 2);
        EXPECT_EQ(text_of(before.states.front()), text_of(before.states.back()));

        options.num_workers = 2 - workers;
        auto others = loaders_of_all(dataset, options, second, /*even_batches=*/false);
        for (auto& loader : others) loader.load_state(before.states.front());
        const Given middle = given(others, 1);

        auto last = loaders_of_all(dataset, options, first, /*even_batches=*/false);
        for (auto& loader : last) loader.load_state(middle.states.front());
        const Given after = given(last, kAll);

        std::vector<int64_t> all = before.samples;
        for (const Given* part : {&middle, &after})
          all.insert(all.end(), part->samples.begin(), part->samples.end());
        EXPECT_EQ(all, expected);
        // The epoch after a resumed one is the one after it.
        EXPECT_EQ(given(last, kAll).samples, next);
      }
    }
  }
}

TEST(LoaderPosition, GoesOnWithAnyNumberOfProcesses) {
  expect_one_order(Numbers(53), {.batch_size = 3, .shuffle = true}, 53);
}

TEST(LoaderPosition, OfASamplerGoesOnWithAnyNumberOfProcesses) {
  const Sampler backwards([](uint64_t seed) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < 40; ++i)
      order.push_back((2 * 40 - i + static_cast<int64_t>(seed)) % 40);
    return order;
  });
  expect_one_order(Numbers(40), {.batch_size = 3, .sampler = backwards}, 40);
}

TEST(LoaderPosition, OfABatchSamplerGoesOnWithAnyNumberOfProcesses) {
  Batches batches;
  for (int64_t begin = 0, length = 1; begin + length <= 40;
       begin += length, length = length % 3 + 1) {
    batches.emplace_back();
    for (int64_t i = 0; i < length; ++i) batches.back().push_back(begin + i);
  }
  int64_t size = 0;
  for (const auto& batch : batches) size += static_cast<int64_t>(batch.size());
  expect_one_order(Numbers(40), {.batch_sampler = batches}, size);
}

TEST(LoaderPosition, OfAStreamGoesOnWithAnyNumberOfProcesses) {
  expect_one_order(NumberStream{.size = 47}, {.batch_size = 3}, 47);
}

// Goes to where it was, without reading what comes before.
struct SeekingStream : NumberStream {
  State state() const {
    State result;
    result.set("position", position);
    return result;
  }
  void load_state(const State& state) { position = state.integer("position"); }
};

TEST(LoaderPosition, OfAStreamWithAStateGoesOnWithAnyNumberOfProcesses) {
  SeekingStream stream;
  stream.size = 47;
  expect_one_order(stream, {.batch_size = 3}, 47);
}

TEST(LoaderPosition, OfAStreamWithAStateReadsNothingAgain) {
  SeekingStream stream;
  stream.size = 1000;
  DataLoader first(stream, {.batch_size = 10});
  State state;
  for (auto& batch : first) {
    if (batch.target[0].item<int64_t>() == 500) {
      state = first.state();
      break;
    }
  }
  *stream.reads = 0;
  DataLoader second(stream, {.batch_size = 10});
  second.load_state(state);
  EXPECT_EQ(targets(second).front().front(), 510);
  EXPECT_EQ(*stream.reads, 490);
}

TEST(LoaderPosition, FillsUpAResumedEpochFromItsBeginning) {
  for (const bool seeks : {false, true}) {
    const auto check = [](const auto& stream) {
      auto unbroken = loaders_of_all(stream, {.batch_size = 3}, 2);
      Batches expected = targets(unbroken[1]);
      auto begun = loaders_of_all(stream, {.batch_size = 3}, 2);
      const State state = given(begun, 2).states.front();
      auto resumed = loaders_of_all(stream, {.batch_size = 3}, 2);
      resumed[1].load_state(state);
      expected.erase(expected.begin(), expected.begin() + 2);
      EXPECT_EQ(targets(resumed[1]), expected);
    };
    SeekingStream seeking;
    seeking.size = 22;
    if (seeks) {
      check(seeking);
    } else {
      check(NumberStream{.size = 22});
    }
  }
  auto unbroken = loaders_of_all(Numbers(22), {.batch_size = 3, .shuffle = true}, 2);
  Batches expected = targets(unbroken[1]);
  auto begun = loaders_of_all(Numbers(22), {.batch_size = 3, .shuffle = true}, 2);
  const State state = given(begun, 2).states.front();
  auto resumed = loaders_of_all(Numbers(22), {.batch_size = 3, .shuffle = true}, 2);
  resumed[1].load_state(state);
  expected.erase(expected.begin(), expected.begin() + 2);
  EXPECT_EQ(targets(resumed[1]), expected);
}

TEST(LoaderPosition, FillsUpFromTheBeginningAfterASkipToo) {
  SeekingStream stream;
  stream.size = 22;
  auto begun = loaders_of_all(stream, {.batch_size = 3}, 2);
  const State state = given(begun, 2).states.front();
  auto resumed = loaders_of_all(stream, {.batch_size = 3}, 2);
  resumed[1].load_state(state);
  resumed[1].skip(1);
  EXPECT_EQ(targets(resumed[1]), (Batches{{21, 0, 1}}));
}

TEST(LoaderPosition, ThatIsLoadedWithinAPassIsThatOfTheNext) {
  DataLoader loader(Numbers(10), {.batch_size = 3});
  auto pass = loader.begin();
  const State state = loader.state();
  ++pass;
  loader.load_state(state);
  EXPECT_EQ(text_of(loader.state()), text_of(state));
  EXPECT_EQ(targets(loader), (Batches{{3, 4, 5}, {6, 7, 8}, {9}}));
  EXPECT_EQ(loader.epoch(), 1);
}

TEST(LoaderPosition, IsThatOfWhatTheProgramHasSeen) {
  for (const int workers : {0, 1, 3}) {
    DataLoader loader(Numbers(100), {.batch_size = 2, .num_workers = workers});
    int64_t seen = 0;
    for ([[maybe_unused]] auto& batch : loader) {
      seen += 2;
      EXPECT_EQ(loader.state().integer("consumed"), seen);
    }
  }
}

TEST(LoaderPosition, IsWithinTheInnermostPass) {
  auto loader = DataLoader(Numbers(10), {.batch_size = 3, .shuffle = true}).placed({}, 42);
  State saved;
  Batches expected;
  int64_t batches = 0;
  for (auto& batch : loader) {
    if (++batches == 2) {
      targets(loader);
      saved = loader.state();
    }
    if (batches > 2) expected.push_back(values_of(batch.target));
  }
  const Batches next_epoch = targets(loader);

  auto other = DataLoader(Numbers(10), {.batch_size = 3, .shuffle = true}).placed({}, 7);
  other.load_state(saved);
  EXPECT_EQ(targets(other), expected);
  EXPECT_EQ(targets(other), next_epoch);
}

TEST(LoaderPosition, OfAnotherEpochIsItsBeginning) {
  auto loader = DataLoader(Numbers(10), {.batch_size = 3, .shuffle = true}).placed({}, 42);
  const State state =
      internal::LoaderPosition{.epoch = 2, .consumed = 3, .next_epoch = 7, .seed = 42, .size = 10}
          .to_state();
  loader.set_epoch(5);
  const Batches expected = targets(loader), next = targets(loader);
  // The same epoch goes on where it was.
  loader.load_state(state);
  loader.set_epoch(2);
  EXPECT_EQ(targets(loader).size(), 3);
  EXPECT_EQ(loader.epoch(), 7);
  loader.load_state(state);
  loader.set_epoch(5);
  EXPECT_EQ(targets(loader), expected);
  EXPECT_EQ(targets(loader), next);
}

TEST(LoaderPosition, IsPrintable) {
  auto loader = DataLoader(Numbers(10), {.batch_size = 3}).placed({}, 42);
  auto batch = loader.begin();
  EXPECT_EQ(text_of(loader.state()),
            "consumed = 3, epoch = 0, next_epoch = 1, seed = 42, size = 10, unit = samples, "
            "version = 1");
}

TEST(LoaderPosition, OfOtherDataIsRefused) {
  DataLoader loader(Numbers(4), {});
  auto batch = loader.begin();
  const State state = loader.state();
  DataLoader longer(Numbers(5), {});
  longer.load_state(state);
  EXPECT_THAT(message_of([&] { longer.begin(); }), HasSubstr("within an epoch of 4 samples"));
  DataLoader stream(NumberStream{.size = 4}, {});
  stream.load_state(state);
  EXPECT_THAT(message_of([&] { stream.begin(); }), HasSubstr("counts samples"));
  State newer = state;
  newer.set("version", int64_t{2});
  EXPECT_THAT(message_of([&] { loader.load_state(newer); }), HasSubstr("version 2"));
  EXPECT_THROW(loader.load_state(State()), c10::Error);

  DataLoader short_stream(NumberStream{.size = 4}, {.batch_size = 2});
  short_stream.load_state(internal::LoaderPosition{.consumed = 8, .unit = "elements"}.to_state());
  EXPECT_THAT(message_of([&] { short_stream.begin(); }), HasSubstr("it has only 4"));
}

// ---- Skipping

TEST(SkipFirstBatches, LeavesThemOutOfEachPassAndKeepsTheEpoch) {
  DataLoader loader(Numbers(16), {.batch_size = 4});
  loader.set_epoch(1);
  auto rest = skip_first_batches(loader, 2);
  EXPECT_EQ(rest.epoch(), 1);
  EXPECT_EQ(rest.size(), 2);
  EXPECT_EQ(rest.state().integer("consumed"), 8);
  EXPECT_EQ(targets(rest), (Batches{{8, 9, 10, 11}, {12, 13, 14, 15}}));
  EXPECT_EQ(targets(rest).size(), 2);
  EXPECT_EQ(loader.epoch(), 3);
  EXPECT_EQ(targets(loader).size(), 4);
}

TEST(SkipFirstBatches, KeepsTheSettings) {
  const auto active = std::make_shared<ActiveLoaders>();
  auto loader = DataLoader(Numbers(11), {.batch_size = 2, .drop_last = true, .num_workers = 2})
                    .placed({.rank = 1, .world_size = 2, .active_loaders = active}, 0);
  auto rest = skip_first_batches(loader, 1);
  EXPECT_EQ(targets(rest), (Batches{{6, 7}}));
  auto even = DataLoader(Numbers(11), {.batch_size = 2})
                  .placed({.rank = 1, .world_size = 2, .active_loaders = active}, 0);
  for (auto& batch : skip_first_batches(even, 1)) {
    if (batch.target[0].item<int64_t>() == 6) continue;
    // Of the last round, three samples are no repetition.
    EXPECT_TRUE(active->current()->end_of_dataloader());
    EXPECT_EQ(active->current()->remainder, 3);
  }
}

TEST(SkipFirstBatches, ReadsNothingOfAMapStyleDataSet) {
  const Numbers numbers(1'000'010);
  DataLoader loader(numbers, {.batch_size = 10});
  EXPECT_EQ(targets(loader = skip_first_batches(loader, 100'000)).size(), 1);
  EXPECT_EQ(*numbers.reads, 10);
}

TEST(SkipFirstBatches, ReadsAStreamPastThemWithoutCollating) {
  const NumberStream stream{.size = 20};
  const auto collated = std::make_shared<int>(0);
  const auto count = [collated](std::vector<torch::data::Example<>> examples) {
    ++*collated;
    return examples.front().target.item<int64_t>();
  };
  DataLoader loader(stream, {.batch_size = 2}, count);
  loader.skip(7);
  std::vector<int64_t> rest;
  for (const int64_t batch : loader) rest.push_back(batch);
  EXPECT_EQ(rest, (std::vector<int64_t>{14, 16, 18}));
  EXPECT_EQ(*collated, 3);
  EXPECT_EQ(*stream.reads, 20);
}

TEST(Skip, IsOfTheNextPass) {
  DataLoader loader(Numbers(10), {.batch_size = 3});
  loader.skip(1);
  loader.skip(1);
  EXPECT_EQ(loader.state().integer("consumed"), 6);
  loader.set_epoch(5);
  EXPECT_EQ(targets(loader), (Batches{{6, 7, 8}, {9}}));
  EXPECT_EQ(targets(loader).size(), 4);
  loader.skip(4);
  EXPECT_EQ(targets(loader), Batches());
  loader.skip(5);
  EXPECT_THAT(message_of([&] { loader.begin(); }), HasSubstr("asked to skip 5 batches"));
}

}  // namespace
}  // namespace accelerate
