// Launchers that take each other for a job's machines, and are none, or do not answer.

#include <signal.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/machines.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

const char kWait[] = "echo up; exec sleep 1000";

Words argument_of(int machine) { return {"sh", "-c", "true", "seed" + std::to_string(machine)}; }

// The first of one job, and the second of another, which came to the same port.
TEST(TwoJobs, AreNotTakenForOne) {
  Machines machines(
      {.flags = {"--num_processes=2", "--rdzv_conf=join_timeout=600"}, .own_flags = argument_of});
  EXPECT_EQ(machines[1].wait(), 1);
  const std::string reason =
      "the digest of the program's arguments (of a job without --rdzv_id) is ";
  EXPECT_THAT(machines[1].errors(),
              AllOf(HasSubstr("refused this machine: " + reason),
                    HasSubstr("two jobs need different --main_process_port and --rdzv_id")));
  machines[0].wait_for_errors(reason);
  machines[0].send_signal(SIGTERM);
  EXPECT_EQ(machines[0].wait(), 128 + SIGTERM);
}

TEST(TwoJobs, AreOneWhereTheirIdSaysSo) {
  Machines machines({.flags = {"--num_processes=2", "--rdzv_id=tulips"}, .own_flags = argument_of});
  EXPECT_THAT(machines.wait_for_all(), Each(0));
}

void expect_machine_1_to_end_alone(Machines& machines) {
  machines[0].send_signal(SIGSTOP);
  machines[1].send_signal(SIGTERM);
  EXPECT_EQ(machines[1].wait(), 128 + SIGTERM);
  EXPECT_THAT(machines[1].errors(), HasSubstr("SIGTERM received, and machine 0 does not answer"));
  machines[0].send_signal(SIGCONT);
  EXPECT_EQ(machines[0].wait(), 128 + SIGTERM);
}

// Of SIGSTOP its machine knows nothing, and the connection stays.
TEST(AStoppedLauncher, KeepsNobodyWhoIsToldToEnd) {
  Machines machines(
      {.num_machines = 3, .flags = {"--num_processes=3", "--grace_period=0"}, .script = kWait});
  machines.wait_for_output_of_all("up\n");
  expect_machine_1_to_end_alone(machines);
  EXPECT_EQ(machines[2].wait(), 128 + SIGTERM);
  EXPECT_TRUE(machines.vanish());
}

TEST(AStoppedLauncher, KeepsNobodyWhoStillWaitsForAnother) {
  Machines machines({.num_machines = 3,
                     .flags = {"--num_processes=3", "--grace_period=0"},
                     .wrapper = [](int machine) {
                       return machine == 2 ? Words{"sh", "-c", "exec sleep 1000"} : Words();
                     }});
  machines[0].wait_for_errors("waiting for machine 2");
  expect_machine_1_to_end_alone(machines);
}

TEST(AStoppedLauncher, KeepsNotMachine0WhichIsToldToEnd) {
  Machines machines(
      {.flags = {"--num_processes=2", "--grace_period=0", "--rdzv_conf=keep_alive_interval=600"},
       .script = kWait});
  machines.wait_for_output_of_all("up\n");
  machines[1].send_signal(SIGSTOP);
  machines[0].send_signal(SIGTERM);
  EXPECT_EQ(machines[0].wait(), 128 + SIGTERM);
  machines[1].send_signal(SIGCONT);
  // It has heard the last word.
  EXPECT_EQ(machines[1].wait(), 128 + SIGTERM);
  EXPECT_TRUE(machines.vanish());
}

}  // namespace
}  // namespace accelerate::launcher
