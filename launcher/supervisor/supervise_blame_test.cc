// Which rank is named where several have failed.

#include <signal.h>

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

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kVictim[] =
    "echo 'error: rank 1 (pid 4711) has died or left before all_reduce number 1' >&2; exit 1";
constexpr char kCause[] = "echo 'error: disk full' >&2; exit 3";

std::string new_file(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::remove(path);
  return path;
}

void expect_that_rank_1_is_named(Subprocess& program) {
  EXPECT_EQ(program.wait(), 3);
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("accelerate: rank 1 of "),
                                      HasSubstr("exited with code 3; the others were stopped"),
                                      HasSubstr("  | error: disk full\n")));
  EXPECT_TRUE(program.vanishes());
}

TEST(Blame, IsNotForTheRankThatFailedForWantOfAnother) {
  // Rank 1 ends when rank 0 has, as one does whose connections are closed before it ends.
  const std::string ended = new_file("victim");
  Subprocess program(
      shells({"--num_processes=2"}, "if [ $RANK = 0 ]; then echo $$ > " + ended + "; " + kVictim +
                                        "; fi; until grep -q zombie /proc/$(cat " + ended +
                                        ")/status; do sleep 0.01; done 2> /dev/null; " + kCause));
  expect_that_rank_1_is_named(program);
}

TEST(Blame, IsNotForTheVictimWhereBothHaveFailedByTheTimeThatTheLauncherLooks) {
  const std::string stopped = new_file("stopped");
  Subprocess program(shells({"--num_processes=2"},
                            "if [ $RANK = 0 ]; then until [ -e " + stopped +
                                " ]; do sleep 0.01; done; " + kVictim + "; fi; kill -STOP $PPID; " +
                                "until grep -q stopped /proc/$PPID/status; do sleep 0.01; done; " +
                                "touch " + stopped + "; " + kCause));
  ASSERT_TRUE(eventually([&] {
    const std::vector<pid_t> pids = children(program.pid());
    return std::count_if(pids.begin(), pids.end(), [](pid_t pid) { return state(pid) == 'Z'; }) ==
           2;
  }));
  program.send_signal(SIGCONT);
  expect_that_rank_1_is_named(program);
}

TEST(Blame, IsForTheOneThatSaysSoWhereNobodyElseHasFailed) {
  Subprocess program(
      shells({"--num_processes=2"}, std::string("test $RANK = 1 && exit 0; ") + kVictim));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("accelerate: rank 0 of 2 (process "));
}

}  // namespace
}  // namespace accelerate::launcher
