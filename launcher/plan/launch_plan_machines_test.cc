// Machines that have different numbers of processes.
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/worker_variables.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LaunchRequest second_of_two(std::optional<int> own, std::optional<int> all = std::nullopt) {
  return {.config = {.num_processes = all,
                     .num_machines = 2,
                     .machine_rank = 1,
                     .main_process_ip = "10.0.0.1"},
          .processes_per_machine = own};
}

absl::StatusOr<LaunchPlan> plan(const LaunchRequest& request, int num_gpus = 0) {
  return make_launch_plan(request, ProgramOrigin::kHere, {.num_gpus = num_gpus, .num_cores = 8});
}

TEST(LaunchPlanOfUnequalMachines, HasTheNumberThatWasTypedForThisOne) {
  const auto made = plan(second_of_two(3));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->num_processes, 3);
  EXPECT_EQ(made->threads_per_process, 2);
  EXPECT_TRUE(made->counts_own_processes);
  EXPECT_FALSE(made->knows_ranks());
  EXPECT_FALSE(made->knows_world_size());
  EXPECT_TRUE(made->needs_supervisor());
}

TEST(LaunchPlanOfUnequalMachines, MayHaveNoneOfTheRanksThatAreShown) {
  LaunchRequest request = second_of_two(1);
  request.output.shown_local_ranks = {2};
  EXPECT_TRUE(plan(request).ok());
  LaunchRequest alike = second_of_two(std::nullopt, 2);
  alike.output.shown_local_ranks = {2};
  EXPECT_FALSE(plan(alike).ok());
}

TEST(LaunchPlanOfUnequalMachines, MissesNoRankThatAnotherMayHave) {
  LaunchRequest request = second_of_two(1);
  request.output.tee = {.ranks = {{.rank = 5}}};
  EXPECT_THAT(plan(request)->remarks, IsEmpty());
  LaunchRequest alike = second_of_two(std::nullopt, 2);
  alike.output.tee = request.output.tee;
  EXPECT_THAT(plan(alike)->remarks, ElementsAre(HasSubstr("no rank 5 of --tee")));
}

TEST(LaunchPlanOfUnequalMachines, HasTheGpusOfThisOneWhereNothingWasTyped) {
  const auto made = plan(second_of_two(std::nullopt), /*num_gpus=*/4);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->num_processes, 4);
  EXPECT_TRUE(made->counts_own_processes);
}

TEST(LaunchPlanOfUnequalMachines, IsNoneWhereAllProcessesAreCounted) {
  const auto made = plan(second_of_two(std::nullopt, 4));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_FALSE(made->counts_own_processes);
  EXPECT_TRUE(made->knows_ranks());
}

TEST(LaunchPlanOfUnequalMachines, HasTheRanksOnWhichTheMachinesHaveAgreed) {
  auto made = plan(second_of_two(3));
  ASSERT_TRUE(made.ok()) << made.status();
  made->ranks = Ranks{.first = 1, .world_size = 4};
  EXPECT_TRUE(made->knows_ranks());
  EXPECT_EQ(made->world_size(), 4);
  EXPECT_EQ(made->rank_of(2), 3);
  EnvironmentChanges variables = worker_variables(*made, {.local_rank = 2}, {});
  EXPECT_EQ(variables["RANK"], "3");
  EXPECT_EQ(variables["WORLD_SIZE"], "4");
  EXPECT_EQ(variables["LOCAL_RANK"], "2");
  EXPECT_EQ(variables["LOCAL_WORLD_SIZE"], "3");
  EXPECT_THAT(to_string(*made), HasSubstr("machine 1 of 2 with the ranks 1 to 3, at 10.0.0.1"));
}

TEST(LaunchPlanOfUnequalMachines, IsTheSameAsAnyOnOneMachine) {
  const auto own = plan({.processes_per_machine = 2});
  const auto all = plan({.config = {.num_processes = 2}});
  ASSERT_TRUE(own.ok() && all.ok());
  EXPECT_EQ(*own, *all);
}

TEST(LaunchPlanOfUnequalMachines, RefusesMoreThanThereCanBe) {
  LaunchRequest many = second_of_two(1'000'000);
  many.oversubscribe = true;
  EXPECT_THAT(std::string(plan(many).status().message()),
              HasSubstr("1000000 processes on each of 2 machines are more than 1000000 together"));
  EXPECT_THAT(std::string(plan(second_of_two(3), /*num_gpus=*/2).status().message()),
              HasSubstr("--nproc_per_node=3 needs as many GPUs"));
}

}  // namespace
}  // namespace accelerate::launcher
