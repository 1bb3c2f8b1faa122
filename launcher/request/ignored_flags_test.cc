// What flags mean where somebody else decides what they say.
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flag_table.h"

namespace accelerate::launcher {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Another value than the one without the flag.
std::string telling_value(const LaunchFlag& flag) {
  const std::map<std::string, std::string> values = {
      {"main_process_ip", "10.0.0.1"},
      {"rdzv_id", "job"},
      {"tee", "3"},
      {"log_dir", "logs"},
      {"role", "trainer"},
      {"max_restarts", "3"},
      {"grace_period", "60"},
      {"hang_timeout", "60"},
  };
  const auto found = values.find(flag.name);
  return found == values.end() ? flag.example : found->second;
}

TEST(IgnoredFlags, AreSaidWhereTheyAreGiven) {
  for (const LaunchFlag& flag : launch_flags()) {
    LaunchRequest request;
    if (flag.ignored_under.empty()) continue;
    ASSERT_TRUE(set_launch_flag(flag, telling_value(flag), request).ok()) << flag.name;
    for (const Decider decider : flag.ignored_under) {
      EXPECT_THAT(ignored_flags(decider, {}), IsEmpty());
      EXPECT_THAT(ignored_flags(decider, request), Contains("--" + flag.name));
    }
  }
}

TEST(IgnoredFlags, AreThoseOfTheOneWhoDecides) {
  const LaunchRequest request = {.max_restarts = 2, .role = "trainer"};
  EXPECT_THAT(ignored_flags(Decider::kOtherLauncher, request),
              ElementsAre("--role", "--max_restarts"));
  EXPECT_THAT(ignored_flags(Decider::kMpirun, request), ElementsAre("--role"));
  EXPECT_THAT(ignored_flags(Decider::kPrintedJob, request), IsEmpty());
  EXPECT_THAT(ignored_flags(Decider::kPrintedMpirun, request), ElementsAre("--max_restarts"));
}

}  // namespace
}  // namespace accelerate::launcher
