#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/supervisor/testing/processes.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Arguments = std::vector<std::string>;

SubprocessOptions supervised(const Arguments& arguments) {
  SubprocessOptions options = {.arguments = {std::getenv("SUPERVISED_PROGRAM")}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return options;
}

SubprocessOptions on_terminal(const Arguments& arguments) {
  SubprocessOptions options = supervised(arguments);
  options.on_terminal = true;
  return options;
}

TEST(Supervise, RunsEachRankAndReturnsZero) {
  Subprocess program(supervised({"--num_processes=3", "print_input"}));
  program.write_input("\n");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 4)
      << "once before, and once on each rank:\n"
      << program.output();
  EXPECT_THAT(program.errors(), IsEmpty());
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, GivesEachRankItsEnvironment) {
  Subprocess program(supervised(
      {"--num_processes=2", "--mixed_precision=bf16", "print_environment", "RANK", "WORLD_SIZE",
       "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "ACCELERATE_STORE_FD",
       "ACCELERATE_MIXED_PRECISION", "ACCELERATE_USE_CPU", "OMP_NUM_THREADS"}));
  EXPECT_EQ(program.wait(), 0);
  const std::string rest =
      "ACCELERATE_MIXED_PRECISION=bf16 ACCELERATE_USE_CPU=True OMP_NUM_THREADS=4\n";
  EXPECT_THAT(program.output(),
              AllOf(ContainsRegex("rank 0: RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=2 "
                                  "MASTER_ADDR=127.0.0.1 MASTER_PORT=[1-9][0-9]+ "
                                  "ACCELERATE_STORE_FD=[0-9]+ " +
                                  rest),
                    ContainsRegex("rank 1: RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2 "
                                  "MASTER_ADDR=127.0.0.1 MASTER_PORT=[1-9][0-9]+ "
                                  "ACCELERATE_STORE_FD=.unset. " +
                                  rest)));
}

TEST(Supervise, GivesAllRanksASecretThatIsNewInEachRun) {
  std::set<std::string> secrets;
  for (int run = 0; run < 2; ++run) {
    Subprocess program(
        supervised({"--num_processes=2", "print_environment", "ACCELERATE_STORE_SECRET"}));
    EXPECT_EQ(program.wait(), 0);
    const std::string mark = "ACCELERATE_STORE_SECRET=";
    const std::string& output = program.output();
    const std::size_t first = output.find(mark) + mark.size();
    const std::string secret = output.substr(first, output.find('\n', first) - first);
    EXPECT_EQ(secret.size(), 32) << output;
    EXPECT_THAT(output, AllOf(HasSubstr("rank 0: " + mark + secret),
                              HasSubstr("rank 1: " + mark + secret)));
    secrets.insert(secret);
  }
  EXPECT_EQ(secrets.size(), 2);
}

TEST(Supervise, GivesTheStoresSocketToRankZeroAndNothingElseToAnyone) {
  Subprocess program(supervised({"--num_processes=3", "print_files"}));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              AllOf(HasSubstr("rank 0: socket\n"), HasSubstr("rank 1:\n"), HasSubstr("rank 2:\n")));
}

TEST(Supervise, KeepsNoFileOpenInTheWatchdogAndNoSocketInTheSupervisor) {
  Subprocess program(supervised({"--num_processes=2", "print_lines"}));
  program.wait_for_output("out 0\n");
  program.wait_for_output("out 1\n");
  const auto open_files = [](pid_t pid) {
    std::vector<std::string> targets;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      std::error_code closed_meanwhile;
      targets.push_back(std::filesystem::read_symlink(entry.path(), closed_meanwhile));
    }
    return targets;
  };
  ASSERT_THAT(children(program.pid()), SizeIs(3));
  const pid_t watchdog = children(program.pid())[0];
  EXPECT_TRUE(eventually([&] { return open_files(watchdog).size() == 1; }))
      << "its end of one pipe";
  for (const std::string& target : open_files(program.pid())) {
    EXPECT_THAT(target, Not(HasSubstr("socket")));
  }
}

TEST(Supervise, ReturnsTheCodeOfTheRankThatFailed) {
  Subprocess program(supervised({"--num_processes=3", "fail", "1", "7"}));
  EXPECT_EQ(program.wait(), 7);
  EXPECT_THAT(program.errors(), ContainsRegex("accelerate: rank 1 of 3 .process [0-9]+. exited "
                                              "with code 7; the others were stopped.\n"));
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, StartsAllRanksAgainWhereTheyMayBeRestarted) {
  Subprocess program(supervised({"--num_processes=2", "--max_restarts=3", "fail_until", "2"}));
  EXPECT_EQ(program.wait(), 0);
  for (const std::string rank : {"0", "1"}) {
    EXPECT_THAT(program.output(), HasSubstr("rank " + rank + " attempt 2\n"));
  }
  EXPECT_THAT(
      program.errors(),
      ContainsRegex("^accelerate: rank 1 of 2 .process [0-9]+. exited with code 7; all processes "
                    "start again .restart 1 of 3.[.]\naccelerate: .* .restart 2 of 3.[.]\n$"));
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, PrintsTheEndOfWhatTheFailedRankWrote) {
  Subprocess program(supervised({"--num_processes=2", "fail", "0", "1"}));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(),
              AllOf(HasSubstr("reason 1\n"), Not(HasSubstr("  | reason 10\n")),
                    HasSubstr("rank 0 ended with this on standard error:\n  | reason 11\n"),
                    EndsWith("  | reason 29\n  | reason 30\n")));
}

TEST(Supervise, LeavesTheReportOutWhereThePlanIsQuiet) {
  Subprocess program(supervised({"--quiet", "--num_processes=2", "fail", "0", "3"}));
  EXPECT_EQ(program.wait(), 3);
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("reason 1\n"), Not(HasSubstr("accelerate: "))));
}

TEST(Supervise, SaysWhichSignalKilledARank) {
  Subprocess crash(supervised({"--num_processes=2", "crash", "1", std::to_string(SIGSEGV)}));
  EXPECT_EQ(crash.wait(), 128 + SIGSEGV);
  EXPECT_THAT(crash.errors(),
              AllOf(HasSubstr("was killed by signal 11 (SIGSEGV, Segmentation fault)"),
                    EndsWith("  | about to crash\n")));

  Subprocess killed(supervised({"--num_processes=2", "crash", "0", std::to_string(SIGKILL)}));
  EXPECT_EQ(killed.wait(), 128 + SIGKILL);
  EXPECT_THAT(killed.errors(), HasSubstr("the kernel does this when memory runs out"));
}

TEST(Supervise, EndsAWorkerThatThrows) {
  Subprocess program(supervised({"--num_processes=2", "throw", "1"}));
  EXPECT_EQ(program.wait(), 128 + SIGABRT);
  EXPECT_THAT(program.errors(), ContainsRegex("rank 1 ended with .*\n.*\n.*thrown by a worker"));
}

TEST(Supervise, BlamesTheRankThatASignalKilledWhereSeveralHaveFailed) {
  Subprocess program(supervised({"--num_processes=2", "fail_at_once"}));
  ASSERT_TRUE(eventually([&] {
    const std::vector<pid_t> pids = children(program.pid());
    return std::count_if(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'Z'; }) ==
           2;
  }));
  program.send_signal(SIGCONT);
  EXPECT_EQ(program.wait(), 128 + SIGABRT);
  EXPECT_THAT(program.errors(), HasSubstr("rank 1 of 2"));
}

TEST(Supervise, KillsWorkersThatIgnoreBeingStopped) {
  Subprocess program(supervised({"--num_processes=3", "grace_ms=50", "ignore_termination", "1"}));
  EXPECT_EQ(program.wait(), 3);
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, PassesSignalsOnAndReturnsTheirCode) {
  const std::vector<std::pair<int, int>> passed_on = {
      {SIGINT, SIGINT}, {SIGTERM, SIGTERM}, {SIGHUP, SIGTERM}};
  for (const auto& [sent, received] : passed_on) {
    Subprocess program(supervised({"--num_processes=2", "print_signal"}));
    program.wait_for_output("ready 0\n");
    program.wait_for_output("ready 1\n");
    program.send_signal(sent);
    EXPECT_EQ(program.wait(), 128 + sent);
    for (const std::string rank : {"0", "1"}) {
      EXPECT_THAT(program.output(),
                  HasSubstr("rank " + rank + " received " + std::to_string(received) + "\n"));
    }
    EXPECT_THAT(program.errors(), ContainsRegex("^accelerate: SIG[A-Z]+ received; all processes "
                                                "were stopped.\n$"));
    EXPECT_TRUE(program.vanishes());
  }
}

TEST(Supervise, KillsWorkersThatIgnoreASignal) {
  Subprocess program(supervised({"--num_processes=2", "grace_ms=50", "ignore_termination", "9"}));
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  program.send_signal(SIGINT);
  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, LeavesASignalIgnoredThatWasIgnoredBefore) {
  SubprocessOptions options = supervised({"--num_processes=1", "print_lines"});
  options.ignored_signals = {SIGHUP};
  Subprocess program(options);
  program.wait_for_output("out 0\n");
  program.send_signal(SIGHUP);
  program.write_input("\n");
  EXPECT_EQ(program.wait(), 0);
}

TEST(Supervise, KillsWhatWorkersLeaveBehind) {
  Subprocess program(supervised({"--num_processes=2", "spawn", "exit"}));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, LeavesNoProcessWhenItIsKilled) {
  Subprocess program(supervised({"--num_processes=2", "spawn", "wait"}));
  program.wait_for_output("ready 0\n");
  program.wait_for_output("ready 1\n");
  ASSERT_TRUE(eventually([&] { return program.descendants().size() == 6; }))
      << "itself, the watchdog, and two of each rank";
  program.send_signal(SIGKILL);
  EXPECT_EQ(program.wait(), 128 + SIGKILL);
  EXPECT_TRUE(program.vanishes());
}

TEST(Supervise, PassesOutputOnLineByLine) {
  Subprocess program(supervised({"--num_processes=2", "print_lines"}));
  for (const std::string rank : {"0", "1"}) {
    program.wait_for_output("out " + rank + "\n");
    program.wait_for_output("cout " + rank + "\n");
    program.wait_for_errors("err " + rank + "\n");
  }
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

TEST(Supervise, GivesStandardInputToRankZeroAlone) {
  Subprocess program(supervised({"--num_processes=2", "print_input"}));
  program.write_input("some input\n");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              AllOf(HasSubstr("rank 0 read 'some input'\n"), HasSubstr("rank 1 read ''\n")));
}

TEST(Supervise, LetsRankZeroReadFromTheTerminal) {
  Subprocess program(on_terminal({"--num_processes=2", "print_input"}));
  program.write_input("typed\n");
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), HasSubstr("rank 0 read 'typed'"));
}

TEST(Supervise, PassesCtrlCOn) {
  Subprocess program(on_terminal({"--num_processes=2", "print_signal"}));
  program.wait_for_output("ready 0");
  program.wait_for_output("ready 1");
  program.write_input("\x03");
  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_THAT(program.output(),
              AllOf(HasSubstr("rank 0 received 2"), HasSubstr("rank 1 received 2")));
}

TEST(Supervise, RunsTwoJobsAtOnce) {
  Subprocess first(supervised({"--num_processes=2", "print_lines"}));
  first.wait_for_output("out 0\n");
  Subprocess second(supervised({"--num_processes=2", "ok"}));
  EXPECT_EQ(second.wait(), 0);
  first.send_signal(SIGTERM);
  EXPECT_EQ(first.wait(), 128 + SIGTERM);
}

TEST(Supervise, ListensAtThePortThatItIsToldOrSaysThatItIsTaken) {
  auto socket = open_listening_socket(0);
  ASSERT_TRUE(socket.ok()) << socket.status();
  const std::string flag = "--main_process_port=" + std::to_string(socket->port);

  Subprocess refused(supervised({"--num_processes=2", flag, "ok"}));
  EXPECT_EQ(refused.wait(), 2);
  EXPECT_THAT(refused.errors(), AllOf(HasSubstr("accelerate: cannot start 2 processes: "),
                                      HasSubstr("another process uses this port"),
                                      HasSubstr("=0 for any free port")));

  Subprocess one(supervised({"--num_machines=2", "--num_processes=2", "--machine_rank=0",
                             "--main_process_ip=127.0.0.1", flag, "ok"}));
  EXPECT_EQ(one.wait(), 2);
  EXPECT_THAT(one.errors(), HasSubstr("accelerate: cannot start 1 process: "));

  socket->fd.reset();
  Subprocess accepted(supervised({"--num_processes=2", flag, "print_environment", "MASTER_PORT"}));
  EXPECT_EQ(accepted.wait(), 0);
  EXPECT_THAT(accepted.output(),
              HasSubstr("rank 1: MASTER_PORT=" + std::to_string(socket->port) + "\n"));
}

}  // namespace
}  // namespace accelerate::launcher
