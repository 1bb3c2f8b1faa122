#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kTwoStreams[] = "echo out $RANK; echo err $RANK >&2";

TEST(ShownRanks, AloneReachTheTerminal) {
  Subprocess program(shells({"--num_processes=3", "--local-ranks-filter", "1"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "out 1\n");
  EXPECT_EQ(program.errors(), "err 1\n");
}

TEST(ShownRanks, AreMarkedWhereTheyAreToBe) {
  Subprocess program(
      shells({"--num_processes=3", "--tee=3", "--local_ranks_filter=2"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "[default2]:out 2\n");
  EXPECT_EQ(program.errors(), "[default2]:err 2\n");
}

TEST(ShownRanks, AreNotTheOnlyOnesWhoseOutputIsKept) {
  const std::string log_dir = testing::TempDir() + "/kept_of_all";
  std::filesystem::remove_all(log_dir);
  Subprocess program(
      shells({"--num_processes=2", "--log_dir=" + log_dir, "--local_ranks_filter=0"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "out 0\n");
  EXPECT_EQ(program.errors(), "err 0\n");
  const std::string run = std::filesystem::directory_iterator(log_dir)->path();
  EXPECT_EQ(read_file(run + "/attempt_0/1/stdout.log"), "out 1\n");
  EXPECT_EQ(read_file(run + "/attempt_0/1/stderr.log"), "err 1\n");
}

TEST(ShownRanks, AreNotTheOnlyOnesThatMayFail) {
  Subprocess program(shells({"--num_processes=2", "--local_ranks_filter=0"},
                            "[ $RANK = 0 ] && exec sleep 1000; echo reason >&2; exit 7"));
  EXPECT_EQ(program.wait(), 7);
  EXPECT_THAT(program.output(), IsEmpty());
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("rank 1 of 2"), HasSubstr("  | reason\n")));
}

// More than a pipe holds.
TEST(ShownRanks, KeepNobodyElseWaiting) {
  Subprocess program(shells({"--num_processes=2", "--local_ranks_filter=0"},
                            "[ $RANK = 0 ] || head -c 3000000 /dev/zero; echo done $RANK"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "done 0\n");
}

}  // namespace
}  // namespace accelerate::launcher
