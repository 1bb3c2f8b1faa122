#include "launcher/plan/plan_description.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/program_variables.h"

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

std::string described(const LaunchPlan& plan) {
  return describe_plan(plan, {.argv = {"x"}},
                       [&](const WorkerPlace& place, const StoreEndpoint& store) {
                         return program_variables(plan, {.argv = {"x"}}, place, store);
                       });
}

TEST(PlanDescription, SaysWhatShardingMeans) {
  const auto lines = [](Sharding sharding) {
    return described({.num_processes = 2, .sharding = sharding});
  };
  EXPECT_THAT(lines(Sharding::kZero2),
              HasSubstr("ZeRO-2, any free port\nZeRO-2: each process keeps the whole model and its "
                        "part of the gradients and of the optimizer's state\n\nrank 0\n"));
  EXPECT_THAT(lines(Sharding::kZero1), HasSubstr("its part of the optimizer's state\n\n"));
  EXPECT_THAT(lines(Sharding::kNone), HasSubstr("\nno sharding: each process keeps all"));
  EXPECT_THAT(described({.num_processes = 2}), Not(HasSubstr("keeps")));
}

TEST(PlanDescription, TellsNoRankThatTheMachinesHaveNotAgreedOn) {
  LaunchPlan plan = {
      .num_processes = 2, .num_machines = 3, .machine_rank = 1, .counts_own_processes = true};
  const std::string text = described(plan);
  for (const char* name : {"RANK", "WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE"}) {
    EXPECT_THAT(text,
                HasSubstr(std::string("\n  ") + name + "=(known when the machines have met)\n"));
  }
  EXPECT_THAT(text, HasSubstr("machine 1 of 3, whose ranks are known when all have met, at "));
  EXPECT_THAT(text, HasSubstr("\nlocal rank 1\n"));
  EXPECT_THAT(text, HasSubstr("\n  LOCAL_WORLD_SIZE=2\n"));
  EXPECT_THAT(text, HasSubstr("\n  GROUP_RANK=1\n"));

  plan.machine_rank = 0;
  EXPECT_THAT(described(plan), HasSubstr("machine 0 of 3 with the ranks 0 to 1, at "));
  EXPECT_THAT(described(plan), HasSubstr("\n  WORLD_SIZE=(known when"));

  plan.counts_own_processes = false;
  plan.is_numbered_by_arrival = true;
  EXPECT_THAT(described(plan), HasSubstr("\n  GROUP_RANK=(known when"));
  EXPECT_THAT(described(plan), HasSubstr("\n  RANK=(known when"));
  EXPECT_THAT(described(plan), HasSubstr("\n  WORLD_SIZE=6\n"));
}

}  // namespace
}  // namespace accelerate::launcher
