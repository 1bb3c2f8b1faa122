// What others find in the flight record of processes that have a communicator.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "accelerate/comm/testing/world_test.h"
#include "launcher/flight_record/flight_memory.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {
namespace {

using launcher::NotedCollective;
using launcher::RankRecord;
using testing::HasSubstr;
using testing::SizeIs;

class CollectiveNotes : public WorldTest {
 protected:
  // That of all ranks: the launcher's.
  launcher::FlightSnapshot records() const {
    return launcher::FlightMemory::of_process(getpid())->read();
  }
  NotedCollective last() const { return *records().ranks[rank_].last(); }
};

TEST_F(CollectiveNotes, SayWhatTheCollectiveIsAndWhere) {
  {
    const launcher::PlaceScope place("reduce", std::source_location::current());
    at::Tensor tensor = at::ones({2, 3}, at::kHalf);
    world_->all_reduce(tensor, ReduceOp::kMax);
  }
  const NotedCollective noted = last();
  EXPECT_THAT(noted.facts.name(), HasSubstr("all_reduce "));
  EXPECT_THAT(noted.facts.name(), HasSubstr(" (half [2, 3])"));
  EXPECT_THAT(noted.facts.place(), HasSubstr("`reduce` (collective_notes_test.cc:"));
  EXPECT_EQ(noted.facts.num_ranks, size_);
  EXPECT_NE(noted.ended, 0u);
  world_->barrier();
  EXPECT_THAT(last().facts.name(), HasSubstr("barrier "));
  EXPECT_EQ(last().facts.number, noted.facts.number + 1);
}

TEST_F(CollectiveNotes, TellWhatIsWaitedForFromWhatIsUnderWay) {
  at::Tensor tensor = at::ones({5});
  PendingCollective pending = world_->start_mean(tensor, {.tag = 3});
  EXPECT_EQ(last().ended, 0u);
  EXPECT_FALSE(last().is_waited_for());
  EXPECT_THAT(last().facts.name(), HasSubstr(" (float [5], tag 3)"));
  pending.wait();
  EXPECT_NE(last().ended, 0u);
}

TEST_F(CollectiveNotes, ShowARankWhatTheOthersWaitFor) {
  world_->barrier();
  // The last to come is the first rank.
  const auto all_others_wait = [this] {
    const auto ranks = records().ranks;
    return std::all_of(ranks.begin() + 1, ranks.end(), [](const RankRecord& rank) {
      return rank.longest_wait() != nullptr &&
             rank.longest_wait()->facts.kind == launcher::CollectiveKind::kBroadcast;
    });
  };
  ASSERT_THAT(records().ranks, SizeIs(size_));
  while (rank_ == 0 && !all_others_wait()) usleep(1000);
  at::Tensor tensor = at::ones({1});
  world_->broadcast(tensor, 0);
}

TEST_F(CollectiveNotes, EndWhereACollectiveFails) {
  Communicator part = world_->split(0);
  // Of ranks that call different ones.
  at::Tensor tensor = at::ones({rank_ == 0 ? 2 : 3});
  EXPECT_THROW(part.all_reduce(tensor, ReduceOp::kSum), c10::Error);
  EXPECT_EQ(records().ranks[rank_].longest_wait(), nullptr);
}

TEST_F(CollectiveNotes, TellCommunicatorsApart) {
  world_->barrier();
  EXPECT_EQ(last().facts.communicator, 0u);
  EXPECT_EQ(last().facts.communicator_id, 0u);
  Communicator part = world_->split(rank_ == 0 ? 0 : 1);
  part.barrier();
  world_->barrier();
  // The newest of a part's.
  const auto newest = [](const RankRecord& rank) {
    const auto found =
        std::find_if(rank.collectives.begin(), rank.collectives.end(),
                     [](const NotedCollective& each) { return each.facts.communicator != 0; });
    return found == rank.collectives.end() ? launcher::CollectiveFacts() : found->facts;
  };
  const auto ranks = records().ranks;
  ASSERT_GE(size_, 3);
  EXPECT_EQ(newest(ranks[1]).communicator_id, newest(ranks[2]).communicator_id);
  EXPECT_EQ(newest(ranks[1]).communicator, newest(ranks[2]).communicator);
  EXPECT_EQ(newest(ranks[1]).num_ranks, size_ - 1);
  EXPECT_NE(newest(ranks[0]).communicator_id, newest(ranks[1]).communicator_id);
  world_->barrier();
}

TEST_F(CollectiveNotes, CountTheReplaysOfAGpu) {
  world_->barrier();
  const auto before = last().facts.number;
  world_->note_replay();
  EXPECT_EQ(last().facts.kind, launcher::CollectiveKind::kReplay);
  EXPECT_EQ(last().facts.number, before + 1);
}

}  // namespace
}  // namespace accelerate
