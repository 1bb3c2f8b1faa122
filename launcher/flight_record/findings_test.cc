#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/flight_record/flight_view.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 1000 * kSecond;

NotedCollective noted(CollectiveKind kind, std::uint64_t number, std::uint64_t seconds_ago) {
  NotedCollective collective = {.ticket = number};
  collective.facts = {.number = number,
                      .begun = kNow - seconds_ago * kSecond,
                      .num_ranks = 4,
                      .kind = kind,
                      .type = ElementType::kFloat};
  collective.facts.set_sizes({4});
  return collective;
}

NotedCollective ended(CollectiveKind kind, std::uint64_t number, std::uint64_t seconds_ago) {
  NotedCollective collective = noted(kind, number, seconds_ago);
  collective.ended = collective.facts.begun;
  return collective;
}

NotedCollective waited(CollectiveKind kind, std::uint64_t number, std::uint64_t seconds_ago) {
  NotedCollective collective = noted(kind, number, seconds_ago);
  collective.waits_since = collective.facts.begun;
  return collective;
}

RankView rank_with(int rank, const NotedCollective& last) {
  return {.record = {.rank = rank,
                     .started = 100 + rank,
                     .process = 100 + rank,
                     .count = 1,
                     .last_of_run = last.facts.communicator == 0 ? last.facts.number : 0,
                     .collectives = {last}},
          .state = 'S'};
}

RankView waiting(int rank) { return rank_with(rank, waited(CollectiveKind::kAllGather, 42, 35)); }

std::vector<std::string> findings_of(const std::vector<RankView>& ranks, int world_size = 4) {
  return findings({.now = kNow, .world_size = world_size, .ranks = ranks});
}

constexpr char kOthersWait[] =
    "ranks 0, 1 and 3 have waited for it in all_gather 42 (float [4]) for 35 s";

TEST(Findings, NameTheRankThatIsElsewhere) {
  EXPECT_THAT(findings_of({waiting(0), waiting(1),
                           rank_with(2, waited(CollectiveKind::kAllReduce, 41, 36)), waiting(3)}),
              ElementsAre("rank 2 has been at all_reduce 41 (float [4]) for 36 s", kOthersWait));
  RankView busy = rank_with(2, ended(CollectiveKind::kAllReduce, 40, 35));
  busy.stacks.place = "`train_step` (main.cc:88)";
  EXPECT_THAT(findings_of({waiting(0), waiting(1), busy, waiting(3)}),
              ElementsAre("rank 2 has been in no collective since all_reduce 40 (float [4]), 35 s "
                          "ago: it is in `train_step` (main.cc:88)",
                          kOthersWait));
}

TEST(Findings, NameTheOneThatCannotGoOn) {
  RankView gone = rank_with(2, waited(CollectiveKind::kAllGather, 42, 35));
  gone.state = 0;
  EXPECT_THAT(findings_of({waiting(0), waiting(1), gone, waiting(3)}),
              ElementsAre("rank 2 has ended; its last collective was all_gather 42 (float [4])",
                          kOthersWait));
  gone.state = 'T';
  EXPECT_THAT(findings_of({waiting(0), waiting(1), gone, waiting(3)}),
              ElementsAre("rank 2 is stopped (process 102, state T); kill -CONT 102 lets it go on; "
                          "its last collective was all_gather 42 (float [4])",
                          kOthersWait));
  gone.state = 't';
  EXPECT_THAT(findings_of({waiting(0), waiting(1), gone, waiting(3)})[0],
              "rank 2 is in a debugger (process 102); its last collective was all_gather 42 (float "
              "[4])");
}

TEST(Findings, NameALongOperation) {
  RankView busy = rank_with(2, ended(CollectiveKind::kAllReduce, 40, 35));
  busy.record.operation = {{.name = "saving a checkpoint", .since = kNow - 34 * kSecond}};
  EXPECT_THAT(findings_of({waiting(0), waiting(1), busy, waiting(3)}),
              ElementsAre("rank 2 has been saving a checkpoint for 34 s", kOthersWait));
}

TEST(Findings, NameRanksThatNoteNothing) {
  EXPECT_THAT(findings_of({waiting(0),
                           {.record = {.rank = 1, .started = 101}, .state = 'S'},
                           {.record = {.rank = 2}},
                           {.record = {.rank = 3, .process = 103}, .state = 'R'}}),
              ElementsAre("rank 1 (process 101) has noted nothing yet, or notes nothing at all",
                          "rank 2 has not started", "rank 3 has come to no collective yet",
                          "rank 0 has waited for them in all_gather 42 (float [4]) for 35 s"));
}

TEST(Findings, SayWhereNobodyDiffers) {
  EXPECT_THAT(findings_of({waiting(0), waiting(1), waiting(2), waiting(3)}),
              ElementsAre("ranks 0 to 3 have waited in all_gather 42 (float [4]) for 35 s; no rank "
                          "differs, so look at the stacks, and the network"));
  EXPECT_THAT(findings_of({waiting(0), waiting(1)}),
              ElementsAre("ranks 0 and 1 have waited for ranks that are not on this machine in "
                          "all_gather 42 (float [4]) for 35 s",
                          "the other 2 of 4 ranks are on other machines, whose launchers know of "
                          "them"));
}

TEST(Findings, OfPartsOfTheRanksAreNotMixed) {
  const auto in_part = [](int rank, std::uint64_t part, std::uint64_t number, bool waits) {
    const auto kind = CollectiveKind::kBroadcast;
    RankView view = rank_with(rank, waits ? waited(kind, number, 20) : ended(kind, number, 20));
    CollectiveFacts& facts = view.record.collectives[0].facts;
    facts.communicator_id = part;
    facts.communicator = 1;
    facts.num_ranks = 2;
    view.record.last_of_run = 0;
    return view;
  };
  EXPECT_THAT(
      findings_of({in_part(0, 70, 3, true), in_part(1, 80, 9, true), in_part(2, 70, 2, false),
                   in_part(3, 80, 9, true)}),
      ElementsAre("rank 2 has been in no collective since broadcast 2 of communicator 1 (float "
                  "[4]), 20 s ago",
                  "rank 0 has waited for it in broadcast 3 of communicator 1 (float [4]) for 20 s",
                  "ranks 1 and 3 have waited in broadcast 9 of communicator 1 (float [4]) for 20 "
                  "s; no rank differs, so look at the stacks, and the network"));
}

TEST(Findings, OfRanksWhoseGpusWaitNameTheOneBehind) {
  const auto given = [](int rank, std::uint64_t number) {
    RankView view = rank_with(rank, ended(CollectiveKind::kAllReduce, number, 35));
    view.record.collectives[0].facts.is_on_gpu = true;
    return view;
  };
  EXPECT_THAT(findings_of({given(0, 8), given(1, 7), given(2, 8), given(3, 8)}),
              ElementsAre("rank 1 has given its GPU no collective since all_reduce 7 (float [4]), "
                          "35 s ago",
                          "ranks 0, 2 and 3 have got as far as all_reduce 8 (float [4])"));
}

// As that of tensor parallelism, which has most of the collectives.
NotedCollective in_part(NotedCollective collective) {
  collective.facts.communicator_id = 70;
  collective.facts.communicator = 1;
  collective.facts.num_ranks = 2;
  return collective;
}

TEST(Findings, OfGpusCompareWhatAllRanksTakePartIn) {
  const auto given = [](int rank, std::uint64_t number, bool is_in_part_since) {
    NotedCollective of_run = ended(CollectiveKind::kAllReduce, number, 36);
    of_run.facts.is_on_gpu = true;
    RankView view = rank_with(rank, of_run);
    NotedCollective of_part = in_part(ended(CollectiveKind::kAllGather, 90, 35));
    of_part.facts.is_on_gpu = true;
    auto& collectives = view.record.collectives;
    if (is_in_part_since) collectives.insert(collectives.begin(), of_part);
    return view;
  };
  EXPECT_THAT(
      findings_of({given(0, 8, true), given(1, 7, false), given(2, 8, true), given(3, 8, true)}),
      ElementsAre("rank 1 has given its GPU no collective since all_reduce 7 (float [4]), 36 s ago",
                  "ranks 0, 2 and 3 have got as far as all_reduce 8 (float [4])"));
  RankView crowded = given(2, 8, true);
  crowded.record.collectives.pop_back();
  EXPECT_THAT(findings_of({given(0, 8, true), given(1, 7, true), crowded, given(3, 8, false)}),
              ElementsAre("rank 1 has given its GPU no collective since all_gather 90 of "
                          "communicator 1 (float [4]), 35 s ago",
                          "ranks 0, 2 and 3 have got as far as all_reduce 8 (float [4])"))
      << "its note has made room for others";
}

TEST(Findings, NameRanksThatHaveNotComeToANewPart) {
  const RankView first = rank_with(0, in_part(waited(CollectiveKind::kBroadcast, 1, 35)));
  RankView busy = rank_with(1, ended(CollectiveKind::kAllReduce, 40, 35));
  const std::string about_busy =
      "rank 1 has been in no collective since all_reduce 40 (float [4]), 35 s ago";
  EXPECT_THAT(findings_of({first, busy}, 2),
              ElementsAre(about_busy,
                          "rank 0 has waited for it in broadcast 1 of communicator 1 "
                          "(float [4]) for 35 s"));
  const RankView other = rank_with(2, ended(CollectiveKind::kAllReduce, 41, 34));
  EXPECT_THAT(
      findings_of({first, busy, other}, 3),
      ElementsAre(about_busy,
                  "rank 2 has been in no collective since all_reduce 41 (float [4]), 34 s ago",
                  "rank 0 has waited for 1 of ranks 1 and 2 in broadcast 1 of communicator 1 "
                  "(float [4]) for 35 s"));
  EXPECT_THAT(findings_of({first, busy, other}, 4)[0],
              "rank 0 has waited for ranks that are not on this machine in broadcast 1 of "
              "communicator 1 (float [4]) for 35 s");
}

TEST(Findings, AreThoseThatHaveNotBeenTold) {
  const std::vector<RankView> ranks = {waiting(0), waiting(1), waiting(3),
                                       rank_with(2, ended(CollectiveKind::kAllReduce, 40, 35))};
  FlightView view = {.now = kNow, .world_size = 4, .ranks = ranks};
  const std::vector<std::string> told = findings(view);
  EXPECT_THAT(findings(view, told), IsEmpty());
  view.ranks[3].stacks.place = "`train_step` (main.cc:88)";
  EXPECT_THAT(findings(view, told),
              ElementsAre("rank 2 has been in no collective since all_reduce 40 (float [4]), 35 s "
                          "ago: it is in `train_step` (main.cc:88)"));
}

TEST(Findings, OfNothingAreNone) { EXPECT_THAT(findings({.now = 1, .world_size = 0}), IsEmpty()); }

}  // namespace
}  // namespace accelerate::launcher
