#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/supervisor/testing/launching.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kTwoStreams[] = "echo out $RANK; echo err $RANK >&2";

// The folder of the only run that has kept its output in `log_dir`.
std::string run_folder(const std::string& log_dir) {
  std::filesystem::directory_iterator entries(log_dir);
  const std::string folder = entries->path();
  EXPECT_EQ(++entries, std::filesystem::directory_iterator());
  return folder;
}

std::string new_log_dir(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(path);
  return path;
}

TEST(Output, HasNoMarksUnlessAskedFor) {
  Subprocess program(shells({"--num_processes=2"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), AllOf(HasSubstr("out 0\n"), Not(HasSubstr("["))));
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("err 0\n"), Not(HasSubstr("["))));
}

TEST(Output, IsMarkedWithTheRoleAndTheRank) {
  Subprocess program(shells({"--num_processes=2", "--tee=3"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  for (const std::string rank : {"0", "1"}) {
    EXPECT_THAT(program.output(), HasSubstr("[default" + rank + "]:out " + rank + "\n"));
    EXPECT_THAT(program.errors(), HasSubstr("[default" + rank + "]:err " + rank + "\n"));
  }
}

TEST(Output, IsMarkedForTheStreamsAndRanksThatAreNamed) {
  Subprocess program(shells({"--num_processes=2", "--tee=0:1,1:2", "--role=trainer"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), AllOf(HasSubstr("[trainer0]:out 0\n"), HasSubstr("out 1\n"),
                                      Not(HasSubstr("[trainer1]"))));
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("[trainer1]:err 1\n"), HasSubstr("err 0\n"),
                                      Not(HasSubstr("[trainer0]"))));
}

TEST(Output, OfOneProcessNeedsNoMarks) {
  Subprocess program(shells({"--num_processes=1", "--tee=3"}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "out 0\n");
  EXPECT_EQ(program.errors(), "err 0\n");
}

TEST(Output, IsKeptInAFileForEachRankAndStream) {
  const std::string log_dir = new_log_dir("kept");
  Subprocess program(shells({"--num_processes=2", "--tee=1", "--log_dir=" + log_dir},
                            std::string(kTwoStreams) + "; echo $TORCHELASTIC_ERROR_FILE"));
  EXPECT_EQ(program.wait(), 0);
  const std::string attempt = run_folder(log_dir) + "/attempt_0";
  for (const std::string rank : {"0", "1"}) {
    const std::string folder = attempt + "/" + rank;
    EXPECT_EQ(read_file(folder + "/stdout.log"), "out " + rank + "\n" + folder + "/error.json\n");
    EXPECT_EQ(read_file(folder + "/stderr.log"), "err " + rank + "\n");
    EXPECT_THAT(program.output(), HasSubstr("[default" + rank + "]:out " + rank + "\n"));
    EXPECT_THAT(program.errors(), HasSubstr("err " + rank + "\n"));
  }
}

TEST(Output, IsPassedOnLineByLineWhileTheProgramRuns) {
  Subprocess program(
      shells({"--num_processes=2", "--tee=3"}, std::string(kTwoStreams) + "; sleep 1000"));
  for (const std::string rank : {"0", "1"}) {
    program.wait_for_output("[default" + rank + "]:out " + rank + "\n");
    program.wait_for_errors("[default" + rank + "]:err " + rank + "\n");
  }
  program.send_signal(SIGTERM);
  EXPECT_EQ(program.wait(), 128 + SIGTERM);
}

TEST(Output, LosesNothingOfAProgramThatWritesMuch) {
  const std::string log_dir = new_log_dir("much");
  Subprocess program(shells({"--num_processes=2", "--tee=1", "--log_dir=" + log_dir},
                            "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done"));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(),
              AllOf(HasSubstr("[default0]:line 29999\n"), HasSubstr("[default1]:line 29999\n")));
  EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 60000);
  EXPECT_THAT(read_file(run_folder(log_dir) + "/attempt_0/1/stdout.log"),
              AllOf(HasSubstr("line 0\n"), HasSubstr("line 29999\n")));
}

TEST(Output, IsKeptOfOneProcessToo) {
  const std::string log_dir = new_log_dir("one");
  Subprocess program(shells({"--num_processes=1", "--log_dir=" + log_dir}, kTwoStreams));
  EXPECT_EQ(program.wait(), 0);
  EXPECT_EQ(program.output(), "out 0\n");
  EXPECT_EQ(read_file(run_folder(log_dir) + "/attempt_0/0/stderr.log"), "err 0\n");
}

TEST(Output, SaysWhyItCannotBeKept) {
  const std::string file = temporary_file("no_folder", "");
  Subprocess program(shells({"--num_processes=2", "--log_dir=" + file}, kTwoStreams));
  EXPECT_EQ(program.wait(), 2);
  EXPECT_THAT(program.errors(), AllOf(HasSubstr("cannot start 2 processes: cannot make the folder"),
                                      HasSubstr("correct --log_dir")));
  EXPECT_THAT(program.output(), IsEmpty());
}

TEST(Output, OfOneProcessIsItsOwnTerminal) {
  SubprocessOptions options = shells({"--num_processes=1"}, "test -t 1 && test -t 2 && exit 7");
  options.on_terminal = true;
  Subprocess program(options);
  EXPECT_EQ(program.wait(), 7);
  EXPECT_THAT(program.output(),
              ContainsRegex("^accelerate: process [0-9]+ exited with code 7.\r\n$"));
}

}  // namespace
}  // namespace accelerate::launcher
