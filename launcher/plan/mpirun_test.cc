#include "launcher/plan/mpirun.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/plan/program_variables.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

const LaunchPlan kPlan = {.num_processes = 4,
                          .num_machines = 4,
                          .main_process_ip = "10.0.0.1",
                          .main_process_port = 29501};
const Command kScript = {.kind = ProgramKind::kPythonScript, .argv = {"python3", "train.py"}};

TEST(Mpirun, IsToldOfAllProcessesAndThoseOfAHost) {
  EXPECT_EQ(to_string(launch_through_mpirun(
                          kPlan, kScript, {.is_open_mpi = false, .hostfile = "/home/user/hostfile"})
                          .command),
            "mpirun -f /home/user/hostfile -ppn 4 -n 16 python3 train.py");
  EXPECT_THAT(to_string(launch_through_mpirun(kPlan, kScript, {.hostfile = "hosts"}).command),
              AllOf(HasSubstr("mpirun --hostfile hosts --npernode 4 -n 16 --bind-to socket -x "),
                    HasSubstr(" -x ACCELERATE_MIXED_PRECISION "), HasSubstr(" -x MASTER_ADDR "),
                    HasSubstr(" python3 train.py")));
}

TEST(Mpirun, FillsHostsThatDiffer) {
  LaunchPlan plan = kPlan;
  plan.num_machines = 2;
  plan.ranks = Ranks{.first = 0, .world_size = 4};
  for (const bool is_open_mpi : {true, false}) {
    const MpirunOptions options = {
        .is_open_mpi = is_open_mpi, .hostfile = "hosts", .host_slots = {1, 3}};
    const MpirunLaunch launch = launch_through_mpirun(plan, kScript, options);
    EXPECT_THAT(to_string(launch.command), HasSubstr(" hosts -n 4 "));
    EXPECT_THAT(describe_mpirun(plan, launch),
                HasSubstr("mpirun starts 4 processes, 1, 3 on the hosts in their order"));
  }
}

TEST(Mpirun, LeavesTheRanksToMpirun) {
  const MpirunLaunch launch = launch_through_mpirun(kPlan, kScript, {.hostfile = "hosts"});
  EXPECT_FALSE(needs_rendezvous(launch.plan, launch.command));
  EXPECT_THAT(
      program_variables(launch.plan, launch.command, {}, {}),
      AllOf(Contains(Pair("MASTER_ADDR", "10.0.0.1")), Contains(Pair("MASTER_PORT", "29501")),
            Contains(Pair("ACCELERATE_USE_CPU", "True")), Not(Contains(Key("RANK"))),
            Not(Contains(Key("WORLD_SIZE")))));
}

TEST(Mpirun, MeetsAtThePortOfTheJobWhereNoneWasAskedFor) {
  const LaunchPlan plan = {.num_processes = 2};
  const MpirunLaunch launch =
      launch_through_mpirun(plan, kScript, {.hostfile = "hosts", .port = 23000});
  EXPECT_THAT(launch.plan.environment, Contains(Pair("MASTER_PORT", "23000")));
  EXPECT_THAT(describe_mpirun(plan, launch),
              HasSubstr("which meet at 127.0.0.1 port 23000 (a different one in each run)\n"));
}

TEST(Mpirun, IsDescribed) {
  const MpirunLaunch launch = launch_through_mpirun(kPlan, kScript, {.hostfile = "hosts"});
  EXPECT_THAT(describe_mpirun(kPlan, launch),
              AllOf(HasSubstr("mpirun starts 16 processes, 4 on each of 4 hosts, which meet at "
                              "10.0.0.1 port 29501\n\ncommand: mpirun --hostfile hosts "),
                    HasSubstr(" python3 train.py\n"), HasSubstr("\n  MASTER_PORT=29501\n")));
}

}  // namespace
}  // namespace accelerate::launcher
