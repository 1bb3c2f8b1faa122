#include "launcher/request/output_plan.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Streams kNone = {};
constexpr Streams kOut = {.out = true};
constexpr Streams kErr = {.err = true};
constexpr Streams kBoth = {.out = true, .err = true};

TEST(Tee, IsOneChoiceForAllRanks) {
  EXPECT_EQ(*parse_tee("0"), Tee());
  EXPECT_EQ(parse_tee("1")->of(0), kOut);
  EXPECT_EQ(parse_tee("2")->of(7), kErr);
  EXPECT_EQ(parse_tee("3")->of(1), kBoth);
}

TEST(Tee, IsAChoiceForSingleRanks) {
  const Tee tee = *parse_tee("0:1,1:3,12:2");
  EXPECT_EQ(tee.of(0), kOut);
  EXPECT_EQ(tee.of(1), kBoth);
  EXPECT_EQ(tee.of(2), kNone);
  EXPECT_EQ(tee.of(12), kErr);
}

TEST(Tee, RefusesAnythingElse) {
  for (const std::string text :
       {"", "4", "12", "0:", "0:4", ":1", "a:1", "0:1,", "-1:1", "0:1:2"}) {
    EXPECT_THAT(std::string(parse_tee(text).status().message()),
                AllOf(HasSubstr("--tee=" + text + " is not valid"), HasSubstr("3 for both")))
        << text;
  }
}

TEST(ShownRanks, AreAllUnlessSomeAreNamed) {
  EXPECT_TRUE(OutputPlan().shows(7));
  const OutputPlan some = {.shown_local_ranks = *parse_local_ranks("0,2")};
  EXPECT_TRUE(some.shows(0));
  EXPECT_FALSE(some.shows(1));
  EXPECT_TRUE(some.shows(2));
}

TEST(ShownRanks, RefuseAnythingElse) {
  for (const std::string text : {"", "a", "0:3", "0,", ",1", "-1", "1.5"}) {
    EXPECT_THAT(std::string(parse_local_ranks(text).status().message()),
                AllOf(HasSubstr("--local_ranks_filter=" + text + " is not valid"),
                      HasSubstr("such as 0 or 0,2")))
        << text;
  }
}

TEST(ShownRanks, MustBeThere) {
  const OutputPlan plan = {.shown_local_ranks = {2, 9}};
  EXPECT_TRUE(check_shown_ranks(plan, 3).ok()) << "the same flags for machines of other sizes";
  EXPECT_TRUE(check_shown_ranks({}, 1).ok());
  EXPECT_THAT(std::string(check_shown_ranks(plan, 2).message()),
              AllOf(HasSubstr("--local_ranks_filter=2,9 would show nothing"),
                    HasSubstr("the local ranks 0 to 1")));
}

TEST(AbsentRanks, AreNamedBesideThoseThatAreThere) {
  const OutputPlan plan = {.tee = *parse_tee("0:1,4:3"), .shown_local_ranks = {0, 2}};
  EXPECT_EQ(absent_ranks_remark(plan, 2, 4),
            "There is no rank 4 of --tee, no local rank 2 of --local_ranks_filter: ranks count "
            "from 0 to 3, and on this machine to 1.");
  EXPECT_EQ(absent_ranks_remark(plan, 3, 6), "");
  EXPECT_EQ(absent_ranks_remark({.tee = *parse_tee("3")}, 1, 1), "");
}

}  // namespace
}  // namespace accelerate::launcher
