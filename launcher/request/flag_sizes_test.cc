// Numbers that no run has are refused, before anything is counted out for them.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

TEST(LaunchFlagSizes, HaveAnEnd) {
  for (const std::string flag : {"num_machines", "num_processes", "num_cpu_threads_per_process",
                                 "grace_period", "hang_timeout", "main_process_port"}) {
    const std::string word = "--" + flag + "=2147483647";
    EXPECT_THAT(std::string(parse_launch_flags({word}).status().message()),
                HasSubstr(word + " is not valid: it takes a whole number from"));
  }
}

TEST(LaunchFlagSizes, AreFarAboveWhatThereIs) {
  EXPECT_TRUE(parse_launch_flags({"--num_machines=100000", "--num_processes=1000000",
                                  "--num_cpu_threads_per_process=4096", "--grace_period=604800",
                                  "--hang_timeout=604800"})
                  .ok());
}

}  // namespace
}  // namespace accelerate::launcher
