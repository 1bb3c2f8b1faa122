#include "launcher/flight_record/hang_watch.h"

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

NotedCollective waited(std::uint64_t ticket, std::uint64_t since) {
  return {.ticket = ticket,
          .facts = {.number = ticket + 1, .begun = since * kSecond},
          .waits_since = since * kSecond};
}

FlightSnapshot at(std::uint64_t seconds, const std::vector<NotedCollective>& first,
                  const std::vector<NotedCollective>& second = {}) {
  FlightSnapshot snapshot = {
      .now = seconds * kSecond,
      .world_size = 2,
      .ranks = {{.rank = 0, .collectives = first}, {.rank = 1, .collectives = second}}};
  for (RankRecord& rank : snapshot.ranks)
    rank.last_of_run = rank.collectives.empty() ? 0 : rank.collectives[0].facts.number;
  return snapshot;
}

class HangWatchTest : public testing::Test {
 protected:
  HangWatch watch{std::chrono::seconds(10)};
};

TEST_F(HangWatchTest, TellsOnceOfAHangAndAgainAfterProgress) {
  EXPECT_FALSE(watch.is_new_hang(at(110, {waited(5, 100)})));
  EXPECT_TRUE(watch.is_new_hang(at(111, {waited(5, 100)})));
  EXPECT_FALSE(watch.is_new_hang(at(112, {waited(5, 100)})));
  // The other rank has come to another collective, which is the same hang.
  EXPECT_FALSE(watch.is_new_hang(at(130, {waited(5, 100)}, {waited(5, 112)})));
  EXPECT_FALSE(watch.is_new_hang(at(131, {waited(6, 131)}, {waited(6, 131)})));
  EXPECT_TRUE(watch.is_new_hang(at(142, {waited(6, 131)}, {waited(6, 131)})));
}

TEST_F(HangWatchTest, TakesNoWorkForWaiting) {
  NotedCollective begun = waited(5, 100);
  begun.waits_since = 0;
  NotedCollective ended = waited(5, 100);
  ended.ended = 101 * kSecond;
  EXPECT_FALSE(watch.is_new_hang(at(500, {begun}, {ended})));
  // One that was noted while the ranks were looked at.
  EXPECT_FALSE(watch.is_new_hang(at(500, {waited(5, 501)})));
}

TEST_F(HangWatchTest, HasPatienceWithALongOperation) {
  FlightSnapshot snapshot = at(139, {waited(5, 100)});
  snapshot.ranks[1].operation = {{.name = "saving", .since = 100 * kSecond}};
  EXPECT_FALSE(watch.is_new_hang(snapshot));
  snapshot.now = 141 * kSecond;
  EXPECT_TRUE(watch.is_new_hang(snapshot)) << "it may hang as well";
}

TEST_F(HangWatchTest, DoesNotCountTheTimeInWhichAllWereStopped) {
  watch.forget_time_until(500 * kSecond);
  EXPECT_FALSE(watch.is_new_hang(at(505, {waited(5, 100)})));
  EXPECT_TRUE(watch.is_new_hang(at(511, {waited(5, 100)})));
}

NotedCollective given(std::uint64_t ticket, std::uint64_t since) {
  NotedCollective collective = waited(ticket, since);
  collective.waits_since = 0;
  collective.ended = since * kSecond;
  collective.facts.is_on_gpu = true;
  return collective;
}

TEST_F(HangWatchTest, SeesARankThatGivesItsGpuNothing) {
  EXPECT_FALSE(watch.is_new_hang(at(500, {given(5, 100)}, {given(5, 400)}))) << "a long pause";
  EXPECT_FALSE(watch.is_new_hang(at(110, {given(5, 100)}, {given(4, 90)})));
  EXPECT_TRUE(watch.is_new_hang(at(111, {given(5, 100)}, {given(4, 90)})));
  EXPECT_FALSE(watch.is_new_hang(at(112, {given(5, 100)}, {given(4, 90)})));
}

TEST_F(HangWatchTest, TakesNoRankForLateWhoseNoteHasMadeRoomForThoseOfParts) {
  NotedCollective of_part = given(5000, 110);
  of_part.facts.communicator = 1;
  FlightSnapshot snapshot = at(500, {given(5, 100)}, {of_part});
  snapshot.ranks[1].last_of_run = snapshot.ranks[0].last_of_run;
  EXPECT_FALSE(watch.is_new_hang(snapshot));
  --snapshot.ranks[1].last_of_run;
  EXPECT_TRUE(watch.is_new_hang(snapshot));
}

}  // namespace
}  // namespace accelerate::launcher
