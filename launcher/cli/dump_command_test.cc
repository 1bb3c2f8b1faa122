#include "launcher/cli/dump_command.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult dump(const std::vector<std::string>& words) {
  return result_of([&](const Console& console) { return run_dump(words, console); });
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string new_path(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::remove(path);
  return path;
}

// `accelerate launch` with three ranks (noting_program.cc).
SubprocessOptions launch() {
  return {.arguments = {std::getenv("ACCELERATE"), "launch", "--num_processes=3", "--no_python",
                        std::getenv("NOTING_PROGRAM"), "wait", "spin", "wait"}};
}

std::vector<pid_t> workers_of(Subprocess& program) {
  for (const char* ready : {"ready 0\n", "ready 1\n", "ready 2\n"}) program.wait_for_output(ready);
  std::vector<pid_t> pids;
  for (const pid_t pid : program.descendants()) {
    if (text_of("/proc/" + std::to_string(pid) + "/comm") == "noting_program\n")
      pids.push_back(pid);
  }
  return pids;
}

TEST(Dump, TellsOfAllRanksByTheLauncherAndByEachOfThem) {
  Subprocess program(launch());
  std::vector<pid_t> pids = workers_of(program);
  ASSERT_EQ(pids.size(), 3u);
  // They say that they are ready before they wait.
  ASSERT_TRUE(eventually([&] {
    const std::vector<std::string> words = {std::to_string(program.pid()), "--no_stacks",
                                            "--output=" + new_path("early.txt")};
    return dump(words).output.find("ranks 0 and 2 have waited") != std::string::npos;
  }));
  pids.push_back(program.pid());
  for (const pid_t pid : pids) {
    const std::string path = new_path("dump.txt");
    const CommandResult outcome = dump({std::to_string(pid), "--output", path});
    EXPECT_EQ(outcome.code, kSuccess) << outcome.errors;
    EXPECT_THAT(
        outcome.output,
        AllOf(HasSubstr("rank 1 has been in no collective since barrier 1, "),
              HasSubstr("ranks 0 and 2 have waited for it in all_gather 2 (float [1000, "
                        "10]), `gather` (noting_program.cc:"),
              HasSubstr("\nWhat each rank did last and where its threads are is in " + path)));
    EXPECT_THAT(text_of(path), AllOf(HasSubstr("==== rank 2: process "),
                                     HasSubstr("The stacks of its threads:\n")));
  }
  EXPECT_EQ(workers_of(program).size(), 3u) << "they go on";
}

TEST(Dump, TellsWhatItKnowsBeforeItLooksAtTheThreads) {
  if (std::system("eu-stack --version > /dev/null 2>&1 || gdb --version > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "there is neither eu-stack nor gdb";
  Subprocess program(launch());
  workers_of(program);
  const std::string output =
      dump({std::to_string(program.pid()), "--output=" + new_path("order.txt")}).output;
  const std::size_t first = output.find("rank 1 has been in no collective since barrier 1, ");
  const std::size_t again = output.find(" ago: it is in `");
  ASSERT_NE(again, std::string::npos) << output;
  EXPECT_LT(output.find(" ago\n", first), again) << output;
}

TEST(Dump, LooksAtNoThreadsWhereThatIsNotWanted) {
  Subprocess program(launch());
  workers_of(program);
  const std::string path = new_path("no_stacks.txt");
  const CommandResult outcome =
      dump({std::to_string(program.pid()), "--no_stacks", "--output=" + path});
  EXPECT_EQ(outcome.code, kSuccess);
  EXPECT_THAT(outcome.output, HasSubstr("\nWhat each rank did last is in " + path));
  EXPECT_EQ(text_of(path).find("The stacks"), std::string::npos);
}

TEST(Dump, TellsOfAProcessThatNobodyHasLaunched) {
  Subprocess program({.arguments = {"/usr/bin/env", "RANK=1", "WORLD_SIZE=4", "LOCAL_RANK=1",
                                    "LOCAL_WORLD_SIZE=4", std::getenv("NOTING_PROGRAM"), "wait"}});
  program.wait_for_output("ready 1\n");
  ASSERT_TRUE(eventually([&] {
    const CommandResult outcome =
        dump({std::to_string(program.pid()), "--no_stacks", "--output=" + new_path("alone.txt")});
    return outcome.output.find("rank 1 has waited for ranks that are not on this machine") !=
               std::string::npos ||
           outcome.output.find("the other 3 of 4 ranks are processes that nobody launched") !=
               std::string::npos;
  }));
}

// As that of a container is, on its host.
TEST(Dump, TellsOfARunInAnotherPidNamespace) {
  if (std::system("unshare --pid --fork --mount-proc true 2> /dev/null") != 0)
    GTEST_SKIP() << "no pid namespace can be had here";
  SubprocessOptions options = launch();
  const std::vector<std::string> unshare = {"/usr/bin/unshare", "--pid", "--fork", "--mount-proc"};
  options.arguments.insert(options.arguments.begin(), unshare.begin(), unshare.end());
  Subprocess program(options);
  const std::vector<pid_t> pids = workers_of(program);
  ASSERT_EQ(pids.size(), 3u);
  const std::string path = new_path("namespace.txt");
  EXPECT_TRUE(eventually([&] {
    const CommandResult outcome =
        dump({std::to_string(pids[0]), "--no_stacks", "--output=" + path});
    EXPECT_THAT(outcome.output, Not(HasSubstr("has ended")));
    return outcome.output.find("ranks 0 and 2 have waited for it") != std::string::npos;
  }));
  for (const pid_t pid : pids)
    EXPECT_THAT(text_of(path), HasSubstr(": process " + std::to_string(pid) + ", state "));
}

TEST(Dump, SaysThatAProcessIsAnotherUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::string own = std::to_string(getpid());
  EXPECT_EXIT(
      {
        if (setuid(65534) != 0) std::exit(9);
        std::cerr << dump({own}).errors;
        std::exit(0);
      },
      testing::ExitedWithCode(0), "process [0-9]+ belongs to another user; ask as that user");
}

TEST(Dump, SaysWhyItCannot) {
  EXPECT_THAT(dump({"2147483647"}).errors, HasSubstr("there is no process 2147483647; `pgrep"));
  EXPECT_THAT(dump({std::to_string(getpid())}).errors,
              AllOf(HasSubstr("keeps no record of collectives: neither a run of one process"),
                    HasSubstr("`eu-stack -p " + std::to_string(getpid()) + "` shows")));
  EXPECT_EQ(dump({"1.5"}).code, kUsageError);
  EXPECT_EQ(dump({"-1"}).code, kUsageError);
  Subprocess program(launch());
  workers_of(program);
  const CommandResult outcome =
      dump({std::to_string(program.pid()), "--no_stacks", "--output=/proc/none/file"});
  EXPECT_NE(outcome.code, kSuccess);
  EXPECT_THAT(outcome.output, HasSubstr("rank 1 has been in no collective"));
  EXPECT_THAT(outcome.errors, HasSubstr("/proc/none"));
}

}  // namespace
}  // namespace accelerate::launcher
