// What somebody at a terminal does with a job, by typing.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "launcher/supervisor/testing/processes.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

constexpr char kCtrlC[] = "\x03";
constexpr char kCtrlQ[] = "\x11";
constexpr char kCtrlS[] = "\x13";
constexpr char kCtrlZ[] = "\x1a";

SubprocessOptions on_terminal(SubprocessOptions options) {
  options.on_terminal = true;
  return options;
}

// A shell with job control, which leaves no history.
SubprocessOptions interactive_shell() {
  return on_terminal(
      {.arguments = {"/usr/bin/env", "HISTFILE=", "/bin/bash", "--norc", "--noprofile", "-i"}});
}

// The launcher and its two workers, by their commands.
std::vector<pid_t> job_of(const Subprocess& shell) {
  std::vector<pid_t> pids;
  for (const pid_t launcher : children(shell.pid())) {
    pids.push_back(launcher);
    // The first one is the watchdog.
    const std::vector<pid_t> all = children(launcher);
    if (!all.empty()) pids.insert(pids.end(), all.begin() + 1, all.end());
  }
  return pids;
}

bool are_stopped(const std::vector<pid_t>& pids) {
  return std::all_of(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'T'; });
}

bool go_on(const std::vector<pid_t>& pids) {
  return std::none_of(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'T'; });
}

TEST(Terminal, StopsAJobAndLetsItGoOnAndEndsIt) {
  Subprocess shell(interactive_shell());
  shell.write_input(std::string(std::getenv("LAUNCHING_PROGRAM")) +
                    " --num_processes=2 sh -c 'echo up $((RANK + 10)); exec sleep 1000'\n");
  shell.wait_for_output("up 10");
  shell.wait_for_output("up 11");
  const std::vector<pid_t> job = job_of(shell);
  ASSERT_EQ(job.size(), 3u);
  shell.write_input(kCtrlZ);
  shell.wait_for_output("Stopped");
  EXPECT_TRUE(eventually([&] { return are_stopped(job); }));
  // The shell hands the terminal over before.
  shell.write_input("fg\n");
  EXPECT_TRUE(eventually([&] { return go_on(job); }));
  shell.write_input(kCtrlC);
  shell.wait_for_output("SIGINT received; all processes were stopped.");
  shell.write_input("exit $?\n");
  EXPECT_EQ(shell.wait(), 128 + SIGINT);
}

TEST(Terminal, KillsAtTheSecondCtrlC) {
  Subprocess program(
      on_terminal(shells({"--num_processes=2"},
                         "trap 'echo got $((RANK + 10))' INT; echo up $((RANK + 10)); "
                         "while true; do sleep 0.05; done")));
  program.wait_for_output("up 10");
  program.wait_for_output("up 11");
  program.write_input(kCtrlC);
  program.wait_for_output("got 10");
  program.wait_for_output("got 11");
  EXPECT_TRUE(eventually([&] {
    program.write_input(kCtrlC);
    return state(program.pid()) == 'Z';
  }));
  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_THAT(program.output(), HasSubstr("were killed at the second signal"));
  EXPECT_TRUE(program.vanishes());
}

TEST(Terminal, IsHeardWhileItShowsNothing) {
  Subprocess program(on_terminal(shells({"--num_processes=2", "--tee=3", "--grace_period=0"},
                                        "echo up $((RANK + 10)); exec yes")));
  program.wait_for_output("up 10");
  program.write_input(kCtrlS);
  program.write_input(kCtrlC);
  EXPECT_TRUE(eventually([&] { return state(program.pid()) == 'Z'; }));
  program.write_input(kCtrlQ);
  EXPECT_EQ(program.wait(), 128 + SIGINT);
  EXPECT_TRUE(program.vanishes());
}

TEST(Terminal, LeavesNothingWhenItCloses) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--num_processes=2"}, {"--num_processes=2", "--tee=3"}}) {
    Subprocess program(on_terminal(shells(flags, "echo up $((RANK + 10)); exec sleep 1000")));
    program.wait_for_output("up 10");
    program.wait_for_output("up 11");
    program.close_input();
    program.close_output();
    EXPECT_EQ(program.wait(), 128 + SIGHUP);
    EXPECT_TRUE(program.vanishes());
  }
}

}  // namespace
}  // namespace accelerate::launcher
