// What a launcher tells of ranks that wait for each other, and what it leaves alone.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "launcher/supervisor/testing/processes.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWaiting[] =
    "have waited for it in all_gather 2 \\(float \\[1000, 10\\]\\), `gather`";

std::string empty_folder(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

// Ranks that do what noting_program.cc says of these.
SubprocessOptions ranks(std::vector<std::string> flags, const std::vector<std::string>& actions) {
  flags.push_back("--num_processes=" + std::to_string(actions.size()));
  flags.push_back(std::getenv("NOTING_PROGRAM"));
  flags.insert(flags.end(), actions.begin(), actions.end());
  return launched(flags);
}

void wait_for_ranks(Subprocess& program, int count) {
  for (int rank = 0; rank < count; ++rank)
    program.wait_for_output("ready " + std::to_string(rank) + "\n");
}

// The one that the errors name, when all is in it.
std::string report_in(Subprocess& program) {
  constexpr char kEnd[] = " now";
  program.wait_for_errors(".txt now");
  const std::string& errors = program.errors();
  const std::size_t end = errors.find(kEnd, errors.find(".txt now"));
  const std::size_t begin = errors.rfind(' ', end - 1) + 1;
  return read_file(errors.substr(begin, end - begin));
}

void end(Subprocess& program) {
  program.send_signal(SIGKILL);
  program.wait();
  EXPECT_TRUE(program.vanishes());
}

bool has_debugger() {
  return std::system("eu-stack --version > /dev/null 2>&1") == 0 ||
         std::system("gdb --version > /dev/null 2>&1") == 0;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(Hang, NamesTheRankThatTookAnotherBranch) {
  Subprocess program(ranks({"--hang_timeout=1", "--log_dir=" + empty_folder("branch")},
                           {"wait", "branch", "wait"}));
  const std::string report = report_in(program);
  EXPECT_THAT(program.errors(),
              AllOf(HasSubstr("accelerate: where the processes are, as a rank has waited for more "
                              "than 1 s (--hang_timeout):\n"),
                    HasSubstr("  | rank 1 has been at all_reduce 2 (float [1000, 10]), `gather`"),
                    ContainsRegex(std::string("\n  \\| ranks 0 and 2 ") + kWaiting)));
  EXPECT_THAT(report,
              AllOf(HasSubstr("==== rank 0: process "), HasSubstr("step 7\n"),
                    HasSubstr("  barrier 1: begun "), HasSubstr("The stacks of its threads:\n")));
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM) << "nothing but that has ended the run";
  EXPECT_TRUE(program.vanishes());
}

TEST(Hang, NamesTheFunctionOfARankThatIsInNoCollective) {
  if (!has_debugger()) GTEST_SKIP() << "there is neither eu-stack nor gdb";
  for (const std::string action : {"sleep", "spin"}) {
    Subprocess program(ranks({"--hang_timeout=1", "--log_dir=" + empty_folder("function")},
                             {"wait", action, "wait"}));
    EXPECT_THAT(report_in(program), HasSubstr("train_step"));
    EXPECT_THAT(
        program.errors(),
        AllOf(HasSubstr("  | rank 1 has been in no collective since barrier 1, "),
              HasSubstr(" ago: it is in `accelerate::launcher::"), HasSubstr("train_step")));
    end(program);
  }
}

TEST(Hang, NamesARankThatIsStoppedAndLeavesItSo) {
  Subprocess program(ranks({"--hang_timeout=1", "--log_dir=" + empty_folder("stopped")},
                           {"wait", "wait", "stop"}));
  EXPECT_THAT(report_in(program), HasSubstr("the process is stopped"));
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("  | rank 2 is stopped (process "),
                                      ContainsRegex(std::string("ranks 0 and 1 ") + kWaiting)));
  const std::vector<pid_t> pids = children(program.pid());
  EXPECT_EQ(std::count_if(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'T'; }),
            1);
  end(program);
}

TEST(Hang, NamesARankThatHasEnded) {
  Subprocess program(
      ranks({"--hang_timeout=1", "--log_dir=" + empty_folder("ended")}, {"wait", "leave", "wait"}));
  report_in(program);
  EXPECT_THAT(program.errors(),
              HasSubstr("  | rank 1 has ended; its last collective was barrier 1"));
  end(program);
}

TEST(Hang, IsToldOnceAndAgainAfterProgress) {
  const std::string folder = empty_folder("progress");
  Subprocess program(
      ranks({"--hang_timeout=1", "--log_dir=" + folder}, {folder + "/go_on:wait", "sleep"}));
  report_in(program);
  usleep(3'000'000);  // In which a second one would come.
  std::ofstream(folder + "/go_on") << "";
  program.wait_for_errors("in all_gather 3 ");
  EXPECT_EQ(count_of(program.errors(), "accelerate: where the processes are"), 2u);
  EXPECT_EQ(count_of(program.errors(), "has waited for it in all_gather 2 "), 1u);
  end(program);
}

TEST(Hang, IsNoneWhileARankSaves) {
  const std::string folder = empty_folder("save");
  const std::string saves = folder + "/saves";
  Subprocess program(ranks({"--hang_timeout=1", "--log_dir=" + folder},
                           {saves + ":after", saves + ":save", saves + ":after"}));
  program.wait_for_errors("  | rank 1 has been saving a checkpoint for ");
  // Four times as long as without it, by the times that were noted.
  EXPECT_THAT(program.errors(), Not(ContainsRegex("have waited for it[^\n]*for [0-2][.]")));
  end(program);
}

TEST(Hang, IsNotLookedForWhereNobodyWantsIt) {
  Subprocess program(ranks({"--hang_timeout=0"}, {"wait", "sleep"}));
  wait_for_ranks(program, 2);
  usleep(2'000'000);
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_THAT(program.errors(), Not(HasSubstr("where the processes are")));
}

TEST(Hang, OfGpusIsSeenByTheCollectiveThatARankHasNotGivenIts) {
  Subprocess program(
      ranks({"--hang_timeout=1", "--log_dir=" + empty_folder("gpu")}, {"gpu", "sleep", "gpu"}));
  report_in(program);
  EXPECT_THAT(program.errors(), HasSubstr("  | ranks 0 and 2 have got as far as all_gather 2\n"));
  end(program);
}

TEST(Hang, IsToldWhereThereIsNoRoomForAFile) {
  if (std::system("unshare --mount mount -t tmpfs none /mnt 2> /dev/null") != 0)
    GTEST_SKIP() << "no disk of its own can be had here";
  const std::string disk = empty_folder("full_disk");
  // In a mount namespace of its own, which goes with the program.
  SubprocessOptions options = ranks({"--hang_timeout=1"}, {"wait", "sleep"});
  options.arguments[0] = fs::absolute(options.arguments[0]);
  const std::vector<std::string> mounted = {"/usr/bin/unshare",
                                            "--mount",
                                            "sh",
                                            "-c",
                                            "mount -t tmpfs -o size=4k none " + disk + " && cd " +
                                                disk +
                                                " && head -c 4096 /dev/zero > full && exec \"$@\"",
                                            "sh"};
  options.arguments.insert(options.arguments.begin(), mounted.begin(), mounted.end());
  for (std::string& word : options.arguments) {
    if (word == std::getenv("NOTING_PROGRAM")) word = fs::absolute(word);
  }
  Subprocess program(options);
  program.wait_for_errors("accelerate: the report could not be written to a file: ");
  program.wait_for_errors("No space left on device");
  EXPECT_THAT(program.errors(), HasSubstr("  | rank 0 has waited for it in all_gather 2 "));
  end(program);
}

TEST(Quit, TellsWhereTheProcessesAreAndEndsNothing) {
  const std::string folder = empty_folder("quit");
  Subprocess program(ranks({"--log_dir=" + folder}, {"wait", "silent", "wait", "handler"}));
  wait_for_ranks(program, 4);
  program.send_signal(SIGQUIT);
  EXPECT_THAT(report_in(program), HasSubstr(", as SIGQUIT has come: ranks 0-3 of 4.\n"));
  EXPECT_THAT(program.errors(),
              AllOf(HasSubstr("accelerate: where the processes are, as SIGQUIT has come:\n"),
                    ContainsRegex("rank 1 \\(process [0-9]+\\) has noted nothing yet")));
  EXPECT_THAT(program.output(), Not(HasSubstr("my own handler"))) << "it is for the launcher";
  // A worker's own is the worker's.
  for (const pid_t pid : children(program.pid())) {
    const std::string words = read_file("/proc/" + std::to_string(pid) + "/environ");
    if (words.find(std::string("\0RANK=3\0", 8)) != std::string::npos) kill(pid, SIGQUIT);
  }
  program.wait_for_output("my own handler\n");
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_TRUE(program.vanishes());
}

TEST(Quit, OfATerminalDoesNotReachTheWorkers) {
  SubprocessOptions options =
      ranks({"--log_dir=" + empty_folder("terminal")}, {"wait", "wait", "sleep"});
  options.on_terminal = true;
  Subprocess program(options);
  for (const char* rank : {"ready 0", "ready 1", "ready 2"}) program.wait_for_output(rank);
  program.write_input("\x1c");  // Ctrl-backslash.
  program.wait_for_output("as SIGQUIT has come:");
  program.wait_for_output(".txt now");
  // Who writes is about to end.
  EXPECT_TRUE(eventually([&] { return program.descendants().size() <= 5; }));
  EXPECT_EQ(program.descendants().size(), 5u) << "the launcher, its watchdog and three workers";
  end(program);
}

TEST(Quit, OfATerminalDoesNotEndWhoWritesTheFile) {
  const std::string folder = empty_folder("again");
  const std::string begun = folder + "/begun", go_on = folder + "/go_on";
  // In the place of eu-stack, and as slow as this test wants it.
  const std::string debuggers = empty_folder("debuggers");
  fs::rename(temporary_program("eu-stack", "#!/bin/sh\necho >" + begun + "\nwhile [ ! -e " + go_on +
                                               " ]; do sleep 0.01; done\necho '#0 main'\n"),
             debuggers + "/eu-stack");
  const std::string path = std::getenv("PATH");
  setenv("PATH", (debuggers + ":" + path).c_str(), 1);
  SubprocessOptions options = ranks({"--log_dir=" + folder}, {"wait", "sleep"});
  options.on_terminal = true;
  Subprocess program(options);
  setenv("PATH", path.c_str(), 1);
  program.wait_for_output("ready 1");
  program.write_input("\x1c");  // Ctrl-backslash.
  EXPECT_TRUE(eventually([&] { return fs::exists(begun); }));
  program.write_input("\x1c");
  program.wait_for_output("accelerate: the file of the last report is still being written.");
  std::ofstream(go_on) << "";
  program.wait_for_output(".txt now");
  end(program);
}

// As those are that a script starts with `&`.
TEST(Quit, IsAnsweredWhereItIsIgnored) {
  SubprocessOptions options = ranks({"--log_dir=" + empty_folder("ignored")}, {"wait", "sleep"});
  options.ignored_signals = {SIGINT, SIGQUIT};
  Subprocess program(options);
  wait_for_ranks(program, 2);
  program.send_signal(SIGQUIT);
  EXPECT_THAT(report_in(program), HasSubstr(", as SIGQUIT has come"));
  end(program);
}

TEST(Quit, IsAnsweredByTheRunThatEndsMeanwhile) {
  const std::string folder = empty_folder("meanwhile");
  Subprocess program(ranks({"--log_dir=" + folder}, {"wait", "spin"}));
  wait_for_ranks(program, 2);
  program.send_signal(SIGQUIT);
  program.send_signal(SIGQUIT);
  program.wait_for_errors("as SIGQUIT has come:");
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_TRUE(program.vanishes()) << "neither the debugger nor who writes is left";
}

TEST(Quit, IsAnsweredForProgramsThatNoteNothing) {
  Subprocess program(
      shells({"--num_processes=1", "--max_restarts=1", "--log_dir=" + empty_folder("strange")},
             "exec sleep 1000"));
  EXPECT_TRUE(eventually([&] { return children(program.pid()).size() == 2; }));
  program.send_signal(SIGQUIT);
  program.wait_for_errors("has noted nothing yet, or notes nothing at all\n");
  end(program);
}

}  // namespace
}  // namespace accelerate::launcher
