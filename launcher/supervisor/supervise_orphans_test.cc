// What workers start and leave behind.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "launcher/supervisor/testing/processes.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

// The script of a rank that starts one process in a session of its own, and a daemon with a child,
// in a folder of that name.
std::string leave_processes(const std::string& name) {
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  return "cd " + folder +
         "; setsid sh -c 'touch own_session$RANK; exec sleep 1000' & "
         "(setsid sh -c 'touch daemon$RANK; sleep 1000; true' &); "
         "until [ -e own_session$RANK ] && [ -e daemon$RANK ]; do sleep 0.01; done; "
         "echo left $RANK; ";
}

TEST(Orphans, AreEndedWithTheJob) {
  Subprocess program(shells({"--num_processes=2"}, leave_processes("well")));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_TRUE(program.vanishes());
}

TEST(Orphans, AreEndedWithEachAttempt) {
  Subprocess program(shells(
      {"--num_processes=2", "--max_restarts=1"},
      leave_processes("failed") +
          "if [ $TORCHELASTIC_RESTART_COUNT = 0 ]; then exit 3; fi; echo again; sleep 1000"));
  program.wait_for_output("again\n");
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_TRUE(program.vanishes());
}

TEST(Orphans, AreEndedWhenTheLauncherIsKilled) {
  Subprocess program(shells({"--num_processes=2"}, leave_processes("killed") + "sleep 1000"));
  program.wait_for_output("left 0\n");
  program.wait_for_output("left 1\n");
  program.send_signal(SIGKILL);
  EXPECT_TRUE(program.vanishes());
}

TEST(Orphans, OfOthersAreLeftAlone) {
  const std::string folder = testing::TempDir() + "/others";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  SubprocessOptions options = shells({"--num_processes=1"}, leave_processes("others_job"));
  // Children of the shell, and so of the launcher that it becomes.
  const std::vector<std::string> shell = {"/bin/sh", "-c",
                                          "(setsid sh -c 'sleep 1000; true' & echo $! > " + folder +
                                              "/other; sleep 1000) > /dev/null 2>&1 & until [ -s " +
                                              folder +
                                              "/other ]; do sleep 0.01; done; exec \"$0\" \"$@\""};
  options.arguments.insert(options.arguments.begin(), shell.begin(), shell.end());
  Subprocess program(options);
  EXPECT_EQ(program.wait(), 0);
  const std::string other = read_file(folder + "/other");
  ASSERT_THAT(other, Not(IsEmpty()));
  EXPECT_EQ(state(std::stoi(other)), 'S') << "the shell, which waits for its child";
}

TEST(Orphans, DoNotStayAsZombies) {
  Subprocess program(shells({"--num_processes=2"},
                            "for i in 1 2 3 4 5 6 7 8 9; do (true & exec sh -c true &); done; "
                            "echo left $RANK; sleep 1000"));
  program.wait_for_output("left 0\n");
  program.wait_for_output("left 1\n");
  EXPECT_TRUE(eventually([&] { return children(program.pid()).size() == 3; }))
      << "the watchdog and two workers";
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

// A container, as far as processes are concerned.
SubprocessOptions as_first_process(SubprocessOptions options) {
  const std::vector<std::string> unshare = {"/usr/bin/unshare", "--pid", "--fork", "--mount-proc",
                                            "--kill-child"};
  options.arguments.insert(options.arguments.begin(), unshare.begin(), unshare.end());
  return options;
}

bool has_namespaces() {
  return geteuid() == 0 && Subprocess(as_first_process({.arguments = {"/bin/true"}})).wait() == 0;
}

TEST(Orphans, AreReapedAndSignalsHeardByTheFirstProcessOfAContainer) {
  if (!has_namespaces()) GTEST_SKIP() << "this user cannot make namespaces of processes";
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Subprocess program(
        as_first_process(shells({"--num_processes=1"},
                                "for i in 1 2 3 4 5 6 7 8 9; do (true & exec sh -c true &); done; "
                                "setsid sh -c 'sleep 1000; true' & echo left; sleep 1000")));
    program.wait_for_output("left\n");
    const pid_t first = children(program.pid()).at(0);
    EXPECT_TRUE(eventually([&] { return children(first).size() == 2; }));
    kill(first, signal);
    EXPECT_EQ(program.wait(), 128 + signal);
    EXPECT_TRUE(program.vanishes());
  }
}

}  // namespace
}  // namespace accelerate::launcher
