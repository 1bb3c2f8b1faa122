// Signals that do more than end a job, or come more than once.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/processes.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

SubprocessOptions supervised(const std::vector<std::string>& arguments) {
  SubprocessOptions options = {.arguments = {std::getenv("SUPERVISED_PROGRAM")}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return options;
}

void wait_for_two_workers(Subprocess& program) {
  program.wait_for_output("ready 0");
  program.wait_for_output("ready 1");
}

bool are_all_stopped(const std::vector<pid_t>& pids) {
  return std::all_of(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'T'; });
}

// But for the watchdog, which is the first.
std::vector<pid_t> workers(const Subprocess& program) {
  const std::vector<pid_t> pids = children(program.pid());
  return {pids.begin() + 1, pids.end()};
}

TEST(Signals, KillWhenTheyComeAgain) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Subprocess program(supervised({"--num_processes=2", "ignore_termination", "9"}));
    wait_for_two_workers(program);
    EXPECT_TRUE(eventually([&] {
      program.send_signal(signal);
      return program.descendants().empty();
    }));
    EXPECT_EQ(program.wait(), 128 + signal);
    EXPECT_THAT(program.errors(),
                AllOf(HasSubstr(" received; all processes were stopped.\n"),
                      HasSubstr("accelerate: ranks 0, 1 were killed at the second signal")));
  }
}

TEST(Signals, NameTheRanksThatOutlivedTheGracePeriod) {
  Subprocess program(supervised({"--num_processes=3", "grace_ms=50", "ignore_termination", "1"}));
  EXPECT_EQ(program.wait(), 3);
  // A rank that had not ignored the signal yet has ended by it.
  EXPECT_THAT(program.errors(), Not(HasSubstr("rank 1 had not ended")));

  Subprocess stopped(supervised({"--num_processes=2", "grace_ms=50", "ignore_termination", "9"}));
  wait_for_two_workers(stopped);
  stopped.send_signal(SIGTERM);
  EXPECT_EQ(stopped.wait(), 128 + SIGTERM);
  EXPECT_THAT(stopped.errors(),
              HasSubstr("accelerate: ranks 0, 1 had not ended 0.05 s after being told to, and were "
                        "killed; --grace_period gives more time.\n"));
}

TEST(Signals, StopTheWorkersWithTheLauncherAndLetThemGoOn) {
  SubprocessOptions options = supervised({"--num_processes=2", "print_signal"});
  options.leads_group = true;
  Subprocess program(options);
  wait_for_two_workers(program);
  for (int time = 0; time < 2; ++time) {
    program.send_signal(SIGTSTP);
    EXPECT_TRUE(eventually(
        [&] { return state(program.pid()) == 'T' && are_all_stopped(workers(program)); }));
    program.send_signal(SIGCONT);
    EXPECT_TRUE(eventually([&] {
      const std::vector<pid_t> pids = workers(program);
      return std::none_of(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'T'; });
    }));
  }
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_THAT(program.output(), HasSubstr("rank 1 received 15\n"));
}

TEST(Signals, StopNothingWhereNoShellCouldLetItGoOn) {
  SubprocessOptions options = supervised({"--num_processes=2", "print_signal"});
  options.on_terminal = true;
  Subprocess program(options);
  wait_for_two_workers(program);
  program.send_signal(SIGTSTP);
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_THAT(program.output(), HasSubstr("rank 1 received 15"));
}

TEST(Signals, ThatWarnArePassedOnAndEndNothing) {
  for (const int signal : {SIGUSR1, SIGUSR2}) {
    Subprocess program(supervised({"--num_processes=2", "print_signal"}));
    wait_for_two_workers(program);
    program.send_signal(signal);
    EXPECT_EQ(program.wait(), 0);
    for (const std::string rank : {"0", "1"}) {
      EXPECT_THAT(program.output(),
                  HasSubstr("rank " + rank + " received " + std::to_string(signal) + "\n"));
    }
    Subprocess unaware(supervised({"--num_processes=2", "print_lines"}));
    unaware.wait_for_output("cout 0\n");
    unaware.wait_for_output("cout 1\n");
    unaware.send_signal(signal);
    unaware.send_signal(SIGTERM);
    EXPECT_EQ(unaware.wait(), 128 + SIGTERM);
  }
}

TEST(Signals, ThatDoNotReachAWorkerOfAnotherUserAreSaidNotTo) {
  Subprocess program(
      supervised({"--num_processes=1", "--max_restarts=1", "grace_ms=50", "wait_as_root"}));
  if (geteuid() != 0) GTEST_SKIP() << "only root can have a worker of another user";
  program.wait_for_output("ready 0\n");
  program.send_signal(SIGTERM);
  program.wait_for_errors("belongs to another user, and signals from here do not reach it; end it");
  program.wait_for_errors("SIGTERM received");
  EXPECT_TRUE(eventually([&] { return state(program.pid()) == 'Z'; })) << "it is not waited for";
  program.close_input();
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_TRUE(program.vanishes());
}

}  // namespace
}  // namespace accelerate::launcher
