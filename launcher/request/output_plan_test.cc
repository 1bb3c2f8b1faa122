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

}  // namespace
}  // namespace accelerate::launcher
