// Jobs whose output nobody reads, at first or at all, or that has nowhere to go.

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

std::string new_file(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::remove(path);
  return path;
}

// Each rank writes more than the pipes hold, which the launcher keeps, says so in a file, and goes
// on to write more than that keeps, too.
std::string write_much(const std::string& begun) {
  return "line=$(printf %01000d 0); yes $line | head -n 150; touch " + begun +
         "; yes $line | head -n 850; ";
}

bool has_begun(const std::string& begun) {
  return eventually([&] { return std::filesystem::exists(begun); });
}

// Whether there is nothing left but the launcher and its watchdog.
bool have_workers_ended(const Subprocess& program) {
  return eventually([&] { return program.descendants().size() <= 2; });
}

// As somebody does who presses Ctrl-C until it helps.
bool ends_by_repeated(int signal, const Subprocess& program) {
  int time = 0;
  return eventually([&] {
    // Not so often that it hits the launcher after its last word.
    if (time++ % 200 == 0) program.send_signal(signal);
    return program.descendants().empty();
  });
}

TEST(UnreadOutput, IsKeptForASlowReader) {
  const std::string begun = new_file("slow");
  Subprocess program(shells({"--num_processes=2", "--tee=3"}, write_much(begun)));
  ASSERT_TRUE(has_begun(begun));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 2'000);
}

TEST(UnreadOutput, DoesNotKeepAFailureFromBeingNoticed) {
  const std::string begun = new_file("failure");
  const std::string failing = new_file("failing");
  Subprocess program(
      shells({"--num_processes=3", "--tee=3"}, "if [ $RANK = 0 ]; then until [ -e " + begun +
                                                   " ]; do sleep 0.1; done; touch " + failing +
                                                   "; exit 3; fi; " + write_much(begun)));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(failing); }));
  EXPECT_TRUE(have_workers_ended(program));
  EXPECT_FALSE(program.descendants().empty()) << "it waits for its reader";
  EXPECT_TRUE(ends_by_repeated(SIGINT, program));
  EXPECT_EQ(program.wait(), 3);
  EXPECT_THAT(program.errors(), HasSubstr("rank 0 of 3"));
}

TEST(UnreadOutput, DoesNotKeepSignalsFromBeingHeard) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string begun = new_file("signal");
    Subprocess program(
        shells({"--num_processes=2", "--tee=3"}, "exec 2>&1; " + write_much(begun) + "sleep 1000"));
    ASSERT_TRUE(has_begun(begun));
    program.send_signal(signal);
    EXPECT_TRUE(have_workers_ended(program));
    EXPECT_TRUE(ends_by_repeated(signal, program));
    EXPECT_EQ(program.wait(), 128 + signal);
  }
}

TEST(UnreadOutput, IsDroppedWithARemarkWhenTheGracePeriodIsOver) {
  const std::string begun = new_file("dropped");
  Subprocess program(shells({"--num_processes=2", "--tee=3", "--grace_period=0"},
                            write_much(begun) + "sleep 1000"));
  ASSERT_TRUE(has_begun(begun));
  program.send_signal(SIGTERM);
  EXPECT_TRUE(program.vanishes());
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
  EXPECT_THAT(program.errors(),
              HasSubstr("accelerate: nobody reads what the processes print; the rest of it is "
                        "dropped.\n"));
}

TEST(UnreadOutput, OfErrorsStopsNothingEither) {
  const std::string begun = new_file("errors");
  Subprocess program(
      shells({"--num_processes=2"}, "exec 1>&2; " + write_much(begun) + "sleep 1000"));
  ASSERT_TRUE(has_begun(begun));
  program.send_signal(SIGTERM);
  EXPECT_TRUE(have_workers_ended(program));
  EXPECT_TRUE(ends_by_repeated(SIGTERM, program));
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

TEST(Output, WhoseReaderGoesEndsTheProcessesAsWithoutALauncher) {
  Subprocess program(launched({"--num_processes=2", "--tee=1", "yes"}));
  program.wait_for_output("[default0]:y\n");
  program.close_output();
  EXPECT_EQ(program.wait(), 128 + SIGPIPE);
  EXPECT_THAT(program.errors(), HasSubstr("was killed by signal 13 (SIGPIPE"));
  EXPECT_TRUE(program.vanishes());
}

TEST(Output, ThatGetsNowhereIsAFailure) {
  SubprocessOptions options = shells({"--num_processes=2", "--tee=1"}, "echo lost");
  const std::vector<std::string> shell = {"/bin/sh", "-c", "exec \"$0\" \"$@\" > /dev/full"};
  options.arguments.insert(options.arguments.begin(), shell.begin(), shell.end());
  Subprocess program(options);
  EXPECT_EQ(program.wait(), 1);
  EXPECT_EQ(program.errors(),
            "accelerate: cannot write what the processes print: No space left on device; some of "
            "it is lost; make room for it.\n");
}

TEST(Output, ThatWasLostIsNotMadeGoodByARestart) {
  SubprocessOptions options =
      shells({"--num_processes=2", "--tee=1", "--max_restarts=1"},
             "test $TORCHELASTIC_RESTART_COUNT = 1 && exit 0; echo lost; exit 3");
  const std::vector<std::string> shell = {"/bin/sh", "-c", "exec \"$0\" \"$@\" > /dev/full"};
  options.arguments.insert(options.arguments.begin(), shell.begin(), shell.end());
  EXPECT_EQ(Subprocess(options).wait(), 1);
}

TEST(Output, OfErrorsThatGetsNowhereIsAFailure) {
  SubprocessOptions options = shells({"--num_processes=2", "--tee=2"}, "echo lost >&2");
  const std::vector<std::string> shell = {"/bin/sh", "-c", "exec \"$0\" \"$@\" 2> /dev/full"};
  options.arguments.insert(options.arguments.begin(), shell.begin(), shell.end());
  EXPECT_EQ(Subprocess(options).wait(), 1);
}

// The launcher itself would be killed by SIGXFSZ.
TEST(Output, BeyondTheLimitOfAFilesSizeIsLostAndNotTheRun) {
  const std::string logs = testing::TempDir() + "/limited_logs";
  Subprocess program(
      shells({"--num_processes=1", "--log_dir=" + logs},
             "prlimit --pid=$PPID --fsize=4096; head -c 100000 /dev/zero; echo end"));
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("File too large"));
  EXPECT_THAT(program.output(), HasSubstr("end"));
}

}  // namespace
}  // namespace accelerate::launcher
