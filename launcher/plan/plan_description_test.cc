#include "launcher/plan/plan_description.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PlanDescription, TellsWhatEachRankExecutesWithWhatAndWhere) {
  const LaunchPlan plan = {.num_processes = 2, .cpu_sets = {{0, 1}, {2, 3}}};
  const Command command = {.argv = {"./my model", "--epochs=3"}};
  const std::string text =
      describe_plan(plan, command, [&](const WorkerPlace& place, const StoreEndpoint& store) {
        return worker_variables(plan, place, store);
      });
  EXPECT_THAT(text, HasSubstr("2 processes on the CPU with 1 thread each, mixed precision no, any "
                              "free port, on CPUs 0-1 | 2-3\n\nrank 0\n"));
  EXPECT_THAT(text, HasSubstr("\nrank 1\n  command: './my model' --epochs=3\n  device:  CPU\n"
                              "  CPUs:    2-3\n"));
  EXPECT_THAT(text, HasSubstr("\n  LOCAL_RANK=1\n"));
  EXPECT_THAT(text, HasSubstr("\n  MASTER_PORT=(any free port)\n"));
  EXPECT_THAT(text, HasSubstr("\n  TORCHELASTIC_USE_AGENT_STORE is unset\n"));
  EXPECT_THAT(text, Not(HasSubstr("ACCELERATE_STORE_FD")));
}

TEST(PlanDescription, NamesTheGpuOfEachRank) {
  const LaunchPlan plan = {
      .num_processes = 2, .device = DeviceKind::kGpu, .main_process_port = 29500};
  const std::string text = describe_plan(plan, {.argv = {"x"}},
                                         [&](const WorkerPlace& place, const StoreEndpoint& store) {
                                           return worker_variables(plan, place, store);
                                         });
  EXPECT_THAT(text, HasSubstr("device:  GPU 1\n  CPUs:    any\n"));
  EXPECT_THAT(text, HasSubstr("MASTER_PORT=29500\n"));
}

}  // namespace
}  // namespace accelerate::launcher
