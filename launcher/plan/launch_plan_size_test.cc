// How many processes a machine is trusted with.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kGibibyte = 1 << 30;

absl::StatusOr<LaunchPlan> plan(const LaunchRequest& request, const Machine& machine) {
  return make_launch_plan(request, ProgramOrigin::kHere, machine);
}

bool starts(int num_processes, const Machine& machine) {
  return plan({.config = {.num_processes = num_processes}}, machine).ok();
}

TEST(LaunchPlanSize, IsWhatTestsAndDebuggingNeed) {
  EXPECT_TRUE(starts(64, {.num_cores = 1, .memory_bytes = kGibibyte / 4}));
  EXPECT_TRUE(starts(512, {.num_cores = 2, .memory_bytes = 8 * kGibibyte}));
  EXPECT_TRUE(starts(4096, {.num_cores = 128, .memory_bytes = 64 * kGibibyte}));
}

TEST(LaunchPlanSize, IsNotWhatStallsTheMachine) {
  const Machine machine = {.num_cores = 2, .memory_bytes = 64 * kGibibyte};
  EXPECT_FALSE(starts(513, machine));
  EXPECT_FALSE(starts(300, {.num_cores = 2, .memory_bytes = 4 * kGibibyte})) << "no memory";
  EXPECT_THAT(std::string(plan({.config = {.num_processes = 99999}}, machine).status().message()),
              AllOf(HasSubstr("99999 processes are too many for this machine, which has 2 cores"),
                    HasSubstr("pass --num_processes=512 or fewer"), HasSubstr("--oversubscribe")));
}

TEST(LaunchPlanSize, IsCountedForEachMachine) {
  const LaunchConfig config = {.num_processes = 100'000,
                               .num_machines = 1000,
                               .machine_rank = 0,
                               .main_process_ip = "node-0"};
  EXPECT_TRUE(plan({.config = config}, {.num_cores = 2, .memory_bytes = 64 * kGibibyte}).ok());
}

TEST(LaunchPlanSize, IsTheUsersToDecide) {
  const auto made =
      plan({.config = {.num_processes = 2000}, .oversubscribe = true}, {.num_cores = 2});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->num_processes, 2000);
}

}  // namespace
}  // namespace accelerate::launcher
