// The ranks are threads here, so that ThreadSanitizer sees all of them.
#include "accelerate/comm/shared_memory/lane.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "accelerate/comm/collective_error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::internal {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

// Nothing here takes as long, unless it hangs.
constexpr std::chrono::minutes kLong{30};

// Larger than all slots of a rank, and no multiple of anything.
constexpr int64_t kLarge = 1'500'007;

// The lanes of some ranks over one memory.
class Ranks {
 public:
  explicit Ranks(int size)
      : size_(size),
        memory_(std::aligned_alloc(4096, (Lane::bytes(size) + 4095) / 4096 * 4096), std::free),
        dead_(size) {
    std::memset(memory_.get(), 0, Lane::bytes(size));
  }

  // Runs the function as each rank; the messages of what they threw.
  template <class Function>
  std::vector<std::string> run(Function function) {
    std::vector<std::string> messages(size_);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size_; ++rank) {
      threads.emplace_back([&, rank] {
        LanePeers peers{.own = rank};
        for (int peer = 0; peer < size_; ++peer) {
          peers.ranks.push_back(10 + peer);
          peers.pids.push_back(100 + peer);
        }
        peers.crowded = true;
        peers.is_alive = [this](int peer) { return !dead_[peer]; };
        Lane lane(memory_.get(), peers);
        try {
          function(lane);
        } catch (const CollectiveError& error) {
          messages[rank] = error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return messages;
  }

  void bury(int rank) { dead_[rank] = true; }

 private:
  const int size_;
  std::unique_ptr<void, void (*)(void*)> memory_;
  std::vector<std::atomic<bool>> dead_;
};

template <class T>
std::shared_ptr<Collective> all_reduce(std::vector<T>& values, kernels::NumberType type,
                                       int64_t divisor = 1) {
  auto result = std::make_shared<Collective>();
  result->signature = {.kind = CollectiveKind::kAllReduce,
                       .count = static_cast<int64_t>(values.size()),
                       .divisor = divisor};
  result->number_type = type;
  result->bytes = static_cast<int64_t>(values.size() * sizeof(T));
  result->inputs = {reinterpret_cast<const char*>(values.data())};
  result->outputs = {reinterpret_cast<char*>(values.data())};
  return result;
}

std::shared_ptr<Collective> sum_of(std::vector<float>& values) {
  return all_reduce(values, kernels::NumberType::kFloat);
}

// Those of a rank: sums depend on the order in which they are taken.
std::vector<float> numbers(int rank, int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((i * 7919 + rank * 104'729) % 1009) * 0.001F + 0.1F / (rank + 1);
  return values;
}

std::vector<float> sum_in_rank_order(int size, int64_t count) {
  std::vector<float> sum = numbers(0, count);
  for (int rank = 1; rank < size; ++rank) {
    const std::vector<float> values = numbers(rank, count);
    for (int64_t i = 0; i < count; ++i) sum[i] += values[i];
  }
  return sum;
}

TEST(Lane, AddsUpInRankOrderOnEveryRank) {
  for (const int size : {1, 2, 3, 5}) {
    for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{1000}, int64_t{100'003}, kLarge}) {
      const std::vector<float> expected = sum_in_rank_order(size, count);
      const auto messages = Ranks(size).run([&](Lane& lane) {
        std::vector<float> values = numbers(lane.rank(), count);
        const auto sum = sum_of(values);
        lane.start(sum);
        lane.wait(*sum, kLong);
        // Bit for bit.
        EXPECT_TRUE(values == expected) << size << " ranks, " << count << " numbers";
      });
      EXPECT_THAT(messages, Each(""));
    }
  }
}

TEST(Lane, ServesManyRanks) {
  const std::vector<float> expected = sum_in_rank_order(64, 5000);
  const auto messages = Ranks(64).run([&](Lane& lane) {
    for (int round = 0; round < 3; ++round) {
      std::vector<float> values = numbers(lane.rank(), 5000);
      const auto sum = sum_of(values);
      lane.start(sum);
      lane.wait(*sum, kLong);
      EXPECT_TRUE(values == expected);
    }
  });
  EXPECT_THAT(messages, Each(""));
}

TEST(Lane, KeepsManyUnderWay) {
  constexpr int kMany = 40;  // More than there are slots.
  const auto messages = Ranks(3).run([&](Lane& lane) {
    for (int round = 0; round < 5; ++round) {
      std::vector<std::vector<float>> values;
      for (int i = 0; i < kMany; ++i) values.push_back(numbers(lane.rank(), 1 + 997 * i));
      std::vector<std::shared_ptr<Collective>> sums;
      for (auto& each : values) {
        sums.push_back(sum_of(each));
        lane.start(sums.back());
      }
      // Each rank in an order of its own.
      std::rotate(sums.begin(), sums.begin() + lane.rank() * 7, sums.end());
      for (const auto& sum : sums) lane.wait(*sum, kLong);
      for (int i = 0; i < kMany; ++i)
        EXPECT_TRUE(values[i] == sum_in_rank_order(3, 1 + 997 * i)) << i;
    }
  });
  EXPECT_THAT(messages, Each(""));
}

TEST(Lane, GoesOnWhenAskedWhetherItIsComplete) {
  const std::vector<float> expected = sum_in_rank_order(2, kLarge);
  Ranks(2).run([&](Lane& lane) {
    std::vector<float> values = numbers(lane.rank(), kLarge);
    const auto sum = sum_of(values);
    lane.start(sum);
    while (!lane.poll(*sum)) std::this_thread::yield();
    EXPECT_TRUE(values == expected);
  });
}

TEST(Lane, Broadcasts) {
  for (const int64_t count : {int64_t{0}, int64_t{3}, kLarge}) {
    Ranks(3).run([&](Lane& lane) {
      for (int root = 0; root < 3; ++root) {
        std::vector<float> values = numbers(lane.rank(), count);
        auto broadcast = std::make_shared<Collective>();
        broadcast->signature = {.kind = CollectiveKind::kBroadcast, .root = root};
        broadcast->bytes = static_cast<int64_t>(count * sizeof(float));
        auto* const data = reinterpret_cast<char*>(values.data());
        if (lane.rank() == root) broadcast->inputs = {data};
        if (lane.rank() != root) broadcast->outputs = {data};
        lane.start(broadcast);
        lane.wait(*broadcast, kLong);
        EXPECT_TRUE(values == numbers(root, count));
      }
    });
  }
}

TEST(Lane, GathersAndScatters) {
  for (const int64_t count : {int64_t{0}, int64_t{3}, int64_t{300'001}}) {
    const std::vector<float> sum = sum_in_rank_order(3, 3 * count);
    Ranks(3).run([&](Lane& lane) {
      // Each rank gets the sum of its part,
      const std::vector<float> values = numbers(lane.rank(), 3 * count);
      std::vector<float> mine(count), all(3 * count);
      auto scatter = std::make_shared<Collective>();
      scatter->signature = {.kind = CollectiveKind::kReduceScatter, .count = count};
      scatter->number_type = kernels::NumberType::kFloat;
      scatter->bytes = static_cast<int64_t>(count * sizeof(float));
      scatter->outputs = {reinterpret_cast<char*>(mine.data())};
      // and then all of them.
      auto gather = std::make_shared<Collective>();
      gather->signature = {.kind = CollectiveKind::kAllGather, .count = count};
      gather->bytes = scatter->bytes;
      gather->inputs = {reinterpret_cast<const char*>(mine.data())};
      for (int64_t rank = 0; rank < 3; ++rank) {
        scatter->inputs.push_back(reinterpret_cast<const char*>(values.data() + rank * count));
        gather->outputs.push_back(reinterpret_cast<char*>(all.data() + rank * count));
      }
      lane.start(scatter);
      lane.wait(*scatter, kLong);
      lane.start(gather);
      lane.wait(*gather, kLong);
      EXPECT_TRUE(all == sum) << count;
    });
  }
}

TEST(Lane, ScattersFromOneRank) {
  for (const int64_t count : {int64_t{0}, int64_t{3}, int64_t{300'001}}) {
    const auto messages = Ranks(3).run([&](Lane& lane) {
      for (int root = 0; root < 3; ++root) {
        std::vector<std::vector<float>> given;
        std::vector<float> mine(count);
        auto scatter = std::make_shared<Collective>();
        scatter->signature = {.kind = CollectiveKind::kScatter, .root = root, .count = count};
        scatter->bytes = static_cast<int64_t>(count * sizeof(float));
        scatter->outputs = {reinterpret_cast<char*>(mine.data())};
        for (int rank = 0; rank < 3 && lane.rank() == root; ++rank) {
          given.push_back(numbers(rank, count));
          scatter->inputs.push_back(reinterpret_cast<const char*>(given.back().data()));
        }
        lane.start(scatter);
        lane.wait(*scatter, kLong);
        EXPECT_TRUE(mine == numbers(lane.rank(), count)) << root << ' ' << count;
      }
    });
    EXPECT_THAT(messages, Each(""));
  }
}

TEST(Lane, GivesResultsToThoseWhoWantThem) {
  for (const int size : {2, 4}) {
    for (const int64_t count : {int64_t{3}, int64_t{300'001}}) {
      const std::vector<float> expected = sum_in_rank_order(size, count);
      const auto messages = Ranks(size).run([&](Lane& lane) {
        std::vector<float> values = numbers(lane.rank(), count), all(size * count);
        const auto sum = sum_of(values);
        auto gather = std::make_shared<Collective>();
        gather->signature = {.kind = CollectiveKind::kAllGather, .count = count};
        gather->bytes = sum->bytes;
        const std::vector<float> own = values;
        gather->inputs.push_back(reinterpret_cast<const char*>(own.data()));
        if (lane.rank() == 1) {
          for (int64_t rank = 0; rank < size; ++rank)
            gather->outputs.push_back(reinterpret_cast<char*>(all.data() + rank * count));
        } else {
          sum->outputs.clear();
        }
        lane.start(sum);
        lane.start(gather);
        lane.wait(*gather, kLong);
        lane.wait(*sum, kLong);
        EXPECT_TRUE(values == (lane.rank() == 1 ? expected : numbers(lane.rank(), count)));
        for (int rank = 0; rank < size && lane.rank() == 1; ++rank) {
          EXPECT_TRUE(std::equal(all.begin() + rank * count, all.begin() + (rank + 1) * count,
                                 numbers(rank, count).begin()));
        }
      });
      EXPECT_THAT(messages, Each(""));
    }
  }
}

TEST(Lane, LetsNobodyPastABarrierEarly) {
  std::atomic<int> come = 0;
  Ranks(4).run([&](Lane& lane) {
    for (int round = 1; round <= 50; ++round) {
      ++come;
      const auto barrier = std::make_shared<Collective>();
      lane.start(barrier);
      lane.wait(*barrier, kLong);
      EXPECT_GE(come, 4 * round);
    }
  });
}

// ---- What goes wrong

TEST(Lane, NamesRanksThatAreOutOfStep) {
  Ranks ranks(3);
  const auto messages = ranks.run([](Lane& lane) {
    // Where one has many chunks and the others one, no memory suffers.
    std::vector<float> values(lane.rank() == 1 ? kLarge : 10);
    const auto sum = sum_of(values);
    lane.start(sum);
    lane.wait(*sum, kLong);
  });
  EXPECT_THAT(
      messages,
      Each(AllOf(HasSubstr("out of step"), HasSubstr("all_reduce number 1 (the sum of 10"),
                 HasSubstr("rank 11"), HasSubstr("all_reduce number 1 (the sum of 1500007"))));
}

// Parts of different collectives, although they are the same in the lane.
TEST(Lane, NamesWhatTheProgramCalls) {
  const auto messages = Ranks(2).run([](Lane& lane) {
    std::vector<float> values(10);
    const auto sum = sum_of(values);
    if (lane.rank() == 1) sum->signature.called = CollectiveKind::kReduceScatter;
    lane.start(sum);
    lane.wait(*sum, kLong);
  });
  EXPECT_THAT(messages, Each(AllOf(HasSubstr("all_reduce number 1 (the sum of 10"),
                                   HasSubstr("reduce_scatter number 1 (the sum of 10"))));
}

TEST(Lane, FailsForeverOnceItHasFailed) {
  const auto messages = Ranks(2).run([](Lane& lane) {
    std::vector<float> values(lane.rank() + 1);
    const auto sum = sum_of(values);
    EXPECT_THROW(
        {
          lane.start(sum);
          lane.wait(*sum, kLong);
        },
        CollectiveError);
    EXPECT_THROW(lane.poll(*sum), CollectiveError);
    lane.start(std::make_shared<Collective>());
  });
  EXPECT_THAT(messages, Each(HasSubstr("out of step")));
}

TEST(Lane, NamesThoseThatComeTooLate) {
  const auto messages = Ranks(3).run([](Lane& lane) {
    if (lane.rank() > 0) return;
    std::vector<float> values(10);
    const auto sum = sum_of(values);
    lane.start(sum);
    lane.wait(*sum, std::chrono::seconds(1));
  });
  EXPECT_EQ(messages[0],
            "rank 11 (pid 101), rank 12 (pid 102) did not take part in all_reduce number 1 (the "
            "sum of 10 Byte) within 1 s; look at what the other ranks wrote, and at "
            "process_group.timeout");
}

TEST(Lane, NamesTheDeadAndTellsTheOthers) {
  Ranks ranks(3);
  ranks.bury(2);
  const auto messages = ranks.run([&](Lane& lane) {
    if (lane.rank() == 2) return;
    std::vector<float> values(kLarge);
    const auto sum = sum_of(values);
    lane.start(sum);
    lane.wait(*sum, kLong);
  });
  EXPECT_THAT(messages[0], HasSubstr("rank 12 (pid 102) has died or left"));
  EXPECT_THAT(messages[1], HasSubstr("rank 12 (pid 102) has died or left"));
}

TEST(Lane, TakesWhatTheDeadHadGiven) {
  Ranks ranks(2);
  std::atomic<bool> given = false;
  const std::vector<float> expected = sum_in_rank_order(2, 1000);
  const auto messages = ranks.run([&](Lane& lane) {
    std::vector<float> values = numbers(lane.rank(), 1000);
    const auto sum = sum_of(values);
    if (lane.rank() == 1) {
      lane.start(sum);
      ranks.bury(1);
      given = true;
      return;
    }
    while (!given) std::this_thread::yield();
    lane.start(sum);
    lane.wait(*sum, kLong);
    EXPECT_TRUE(values == expected);
  });
  EXPECT_THAT(messages, Each(""));
}

TEST(Lane, TellsTheOthersWhyItGivesUp) {
  const auto messages = Ranks(2).run([](Lane& lane) {
    if (lane.rank() == 1) return lane.give_up("the network is down");
    const auto barrier = std::make_shared<Collective>();
    lane.start(barrier);
    lane.wait(*barrier, kLong);
  });
  EXPECT_EQ(messages[0], "rank 11 (pid 101) has given up: the network is down");
}

}  // namespace
}  // namespace accelerate::internal
