// Starts processes that write lines, as ranks of a run do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate {
namespace {

using launcher::ProgramEnd;
using launcher::Subprocess;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Words = std::vector<std::string>;

constexpr char kProgram[] = "accelerate/logging/testing/logging_program";

// With variables, and without those that a process of the test's own surroundings has.
Words command(const Words& arguments, const Words& variables = {}) {
  Words words = {"/usr/bin/env", "-u",   "ACCELERATE_LOG_LEVEL",
                 "-u",           "RANK", "-u",
                 "WORLD_SIZE",   "-u",   "NO_COLOR"};
  words.insert(words.end(), variables.begin(), variables.end());
  words.push_back(kProgram);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

ProgramEnd run(const Words& arguments, const Words& variables = {}) {
  return launcher::run_to_end({.arguments = command(arguments, variables)});
}

Words of_rank(int rank, int size) {
  return {"RANK=" + std::to_string(rank), "WORLD_SIZE=" + std::to_string(size),
          "MASTER_ADDR=127.0.0.1"};
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The lines of a log without their times, with which each is expected to begin.
std::vector<std::string> log_of(const std::string& text) {
  constexpr std::string_view kForm = "dddd-dd-dd dd:dd:dd.ddd ";
  std::vector<std::string> lines = split(text);
  for (std::string& line : lines) {
    std::string form = line.substr(0, kForm.size());
    std::replace_if(form.begin(), form.end(), absl::ascii_isdigit, 'd');
    EXPECT_EQ(form, kForm) << line.substr(0, 200);
    line.erase(0, kForm.size());
  }
  return lines;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string new_path(const std::string& name) {
  const std::string path = testing::TempDir() + "logger_test_" + name;
  std::filesystem::remove(path);
  return path;
}

// ---- Levels

TEST(Logger, WritesWarningsAndWhatIsWorse) {
  const ProgramEnd end = run({"levels"});
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.output, "");
  EXPECT_THAT(log_of(end.errors), ElementsAre("WARNING data: at level 3", "ERROR data: at level 4",
                                              "CRITICAL data: at level 5"));
}

TEST(Logger, TakesItsLevelFromTheEnvironment) {
  EXPECT_THAT(log_of(run({"levels"}, {"ACCELERATE_LOG_LEVEL=trace"}).errors), SizeIs(6));
  EXPECT_THAT(log_of(run({"levels"}, {"ACCELERATE_LOG_LEVEL=INFO"}).errors), SizeIs(4));
  EXPECT_THAT(log_of(run({"levels"}, {"ACCELERATE_LOG_LEVEL=Critical"}).errors), SizeIs(1));
  EXPECT_EQ(run({"levels"}, {"ACCELERATE_LOG_LEVEL=off"}).errors, "");
}

TEST(Logger, SaysOnceWhichLevelsThereAre) {
  for (const std::string word : {"loud", ""}) {
    EXPECT_THAT(log_of(run({"levels"}, {"ACCELERATE_LOG_LEVEL=" + word}).errors),
                ElementsAre("WARNING accelerate: ACCELERATE_LOG_LEVEL=" + word +
                                " is no level; set it to one of TRACE, DEBUG, INFO, WARNING, "
                                "ERROR, CRITICAL, OFF, or unset it",
                            "WARNING data: at level 3", "ERROR data: at level 4",
                            "CRITICAL data: at level 5"));
  }
}

TEST(Logger, HasAWordForEachLevel) {
  EXPECT_THAT(log_of(run({"words"}).errors),
              ElementsAre("TRACE data: a trace", "DEBUG data: a debug line", "INFO data: an info",
                          "WARNING data: a warning", "ERROR data: an error",
                          "CRITICAL data: a critical line"));
}

TEST(Logger, SharesItsLevelWithThoseOfItsName) {
  EXPECT_THAT(log_of(run({"set_level"}).errors), ElementsAre("INFO data: of the other"));
}

TEST(Logger, FormatsNothingThatIsLeftOut) { EXPECT_EQ(run({"off"}).output, "done\n"); }

// ---- Ranks

TEST(Logger, IsHeardFromTheMainProcess) {
  const ProgramEnd main = run({"ranks"}, of_rank(0, 3));
  EXPECT_THAT(log_of(main.errors),
              ElementsAre("WARNING data: main 1", "WARNING data: [rank 0] all 2"));
  EXPECT_EQ(main.output, "110\n");
  const ProgramEnd other = run({"ranks"}, of_rank(2, 3));
  EXPECT_THAT(log_of(other.errors), ElementsAre("WARNING data: [rank 2] all 2"));
  EXPECT_EQ(other.output, "010\n");
}

TEST(Logger, NamesNoRankWhereThereIsOneProcess) {
  for (const Words& variables : {Words(), of_rank(0, 1)}) {
    EXPECT_THAT(log_of(run({"ranks"}, variables).errors),
                ElementsAre("WARNING data: main 1", "WARNING data: all 2"));
  }
}

TEST(Logger, IsHeardWhereTheEnvironmentIsWrong) {
  EXPECT_THAT(log_of(run({"ranks"}, {"RANK=five", "WORLD_SIZE=3"}).errors), SizeIs(2));
}

TEST(Logger, KnowsTheTasksOfMpi) {
  const Words variables = {"OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2",
                           "OMPI_COMM_WORLD_LOCAL_RANK=1", "OMPI_COMM_WORLD_LOCAL_SIZE=2"};
  EXPECT_THAT(log_of(run({"ranks"}, variables).errors),
              ElementsAre("WARNING data: [rank 1] all 2"));
}

TEST(Logger, KnowsItsPlaceInAForkedWorker) {
  EXPECT_THAT(log_of(run({"fork_workers"}).errors),
              ElementsAre("WARNING early: the launcher", "WARNING early: main only",
                          "WARNING early: [rank 0] all", "WARNING early: [rank 1] all",
                          "WARNING early: [rank 2] all"));
}

TEST(Logger, WritesRankAfterRank) {
  const ProgramEnd end = run({"in_order"});
  EXPECT_EQ(end.code, 0);
  std::vector<std::string> expected;
  for (int step = 0; step < 50; ++step) {
    for (int rank = 0; rank < 3; ++rank) {
      const std::string of = std::to_string(rank);
      expected.push_back("INFO data: [rank " + of + "] step " + std::to_string(step) + " of " + of);
    }
  }
  EXPECT_THAT(log_of(end.errors), ElementsAreArray(expected));
  const ProgramEnd alone = run({"in_order_alone"});
  EXPECT_THAT(log_of(alone.errors), ElementsAre("WARNING data: 100%"));
  EXPECT_EQ(alone.output, "1\n");
}

// ---- Messages

TEST(Logger, WarnsOnce) {
  EXPECT_THAT(log_of(run({"once"}).errors),
              ElementsAre("WARNING data: text 1", "WARNING data: text 2", "WARNING model: text 1"));
}

TEST(Logger, WritesWhateverTheFormat) {
  EXPECT_THAT(log_of(run({"formats"}).errors),
              ElementsAre("WARNING data: 100% of %s", "WARNING data: a, b, c,  1.50, 7%",
                          "WARNING data: %d and %d [the format does not fit its 1 values]",
                          "WARNING data: %d [the format does not fit its 1 values]",
                          "WARNING data: loss [the format does not fit its 1 values]",
                          "WARNING data: %d%% [the format does not fit its 2 values]",
                          "WARNING data: b before a", "WARNING data:    7", Not(EndsWith(": ")),
                          "WARNING data: %s [a value could not be formatted: no value]",
                          "WARNING data: ", "WARNING data: ", "WARNING data: Größe 7 µm 🎈",
                          "WARNING data: two", "WARNING data: lines"));
}

// ---- Processes

TEST(Logger, WritesBeforeMainAndAtTheEnd) {
  EXPECT_THAT(log_of(run({"outside_of_main"}, {"SPEAKS_BEFORE_MAIN=1"}).errors),
              ElementsAre("WARNING early: before main", "WARNING early: at exit",
                          "WARNING late: a static object ends"));
}

TEST(Logger, HasWrittenWhenTheProcessAborts) {
  const ProgramEnd end = run({"abort"});
  EXPECT_EQ(end.code, 128 + SIGABRT);
  EXPECT_THAT(log_of(end.errors), ElementsAre("WARNING data: the last words"));
}

TEST(Logger, WorksInAProcessThatIsForkedBesideThreads) {
  const ProgramEnd end = run({"fork_beside_threads"});
  EXPECT_EQ(end.output, "well 300\n");
  EXPECT_THAT(end.errors, HasSubstr("WARNING child: child 299\n"));
}

TEST(Logger, IsUsedByThreads) {
  const std::string path = new_path("threads");
  const ProgramEnd end = run({"use_threads", path});
  EXPECT_EQ(end.code, 0);
  // Four threads with 200 lines and 200 texts each; a text is written once, by one of them.
  EXPECT_THAT(log_of(end.errors), SizeIs(4 * 200 + 200));
}

TEST(Logger, LeavesErrnoAsItIs) { EXPECT_EQ(run({"keep_errno"}).output, "1\n"); }

// ---- Where lines go

TEST(Logger, KeepsLinesOfProcessesApartInAPipe) {
  const std::vector<std::string> lines = log_of(run({"write_together"}).errors);
  EXPECT_THAT(lines, SizeIs(4 * 200));
  for (const std::string& line : lines) {
    ASSERT_THAT(line, SizeIs(std::string("WARNING data: <>").size() + 4000));
    EXPECT_EQ(line.find_first_not_of(line[15], 15), line.size() - 1);
  }
}

TEST(Logger, KeepsLinesOfProcessesApartInAFile) {
  const std::string path = new_path("together");
  EXPECT_EQ(run({"write_to_file_together", path}).code, 0);
  const std::vector<std::string> lines = log_of(read(path));
  EXPECT_THAT(lines, SizeIs(4 * 200));
  for (const std::string& line : lines) {
    ASSERT_THAT(line, SizeIs(std::string("WARNING data: <>").size() + 100'000));
    EXPECT_EQ(line.find_first_not_of(line[15], 15), line.size() - 1);
  }
  std::filesystem::remove(path);
}

TEST(Logger, OutlivesTheReaderOfItsErrors) {
  const ProgramEnd end = run({"lose_reader"});
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.output, "alive 00\nown 1\n");
}

TEST(Logger, WritesAllWhereTheStreamDoesNotWait) {
  const std::vector<std::string> lines = log_of(run({"write_without_waiting"}).errors);
  EXPECT_THAT(lines, SizeIs(20));
  for (const std::string& line : lines) EXPECT_THAT(line, EndsWith("x end"));
}

TEST(Logger, IsColouredAtATerminalAlone) {
  const auto at_terminal = [](const Words& variables) {
    return launcher::run_to_end({.arguments = command({"words"}, variables), .on_terminal = true})
        .output;
  };
  EXPECT_THAT(at_terminal({"TERM=xterm"}), HasSubstr(" \x1b[33mWARNING\x1b[0m data: a warning"));
  EXPECT_THAT(at_terminal({"TERM=xterm", "NO_COLOR="}), HasSubstr("\x1b["));
  EXPECT_THAT(at_terminal({"TERM=xterm", "NO_COLOR=1"}), Not(HasSubstr("\x1b")));
  for (const std::string terminal : {"TERM=dumb", "TERM="})
    EXPECT_THAT(at_terminal({terminal}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(run({"words"}, {"TERM=xterm"}).errors, Not(HasSubstr("\x1b")));
}

// ---- Files

TEST(LogFile, IsOneForAllRanks) {
  const std::string path = new_path("one.log");
  run({"to_file", path}, of_rank(0, 2));
  const ProgramEnd end = run({"to_file", path}, of_rank(1, 2));
  EXPECT_THAT(log_of(end.errors), ElementsAre("WARNING data: [rank 1] all"));
  EXPECT_THAT(log_of(read(path)), ElementsAre("WARNING data: main", "WARNING data: [rank 0] all",
                                              "WARNING data: [rank 1] all"));
}

TEST(LogFile, IsOneForEachRank) {
  const std::string path = new_path("each.log");
  new_path("each.rank0.log");
  const std::string other = new_path("each.rank1.log");
  for (int rank = 0; rank < 2; ++rank) run({"to_file_of_each_rank", path}, of_rank(rank, 2));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(log_of(read(testing::TempDir() + "logger_test_each.rank0.log")), SizeIs(2));
  EXPECT_THAT(log_of(read(other)), ElementsAre("WARNING data: [rank 1] all"));
}

TEST(LogFile, TakesThePlaceOfAnother) {
  const std::string path = new_path("first");
  const std::string second = new_path("first.2");
  // One descriptor is open in the end.
  EXPECT_EQ(run({"to_other_file", path}).output, "01\n");
  EXPECT_THAT(log_of(read(path)), ElementsAre("WARNING data: first"));
  EXPECT_THAT(log_of(read(second)), ElementsAre("WARNING data: second"));
}

TEST(LogFile, SaysWhyItCannotBeOpened) {
  EXPECT_EQ(run({"to_bad_file", "/no/such/folder.log"}).output,
            "the log file /no/such/folder.log cannot be opened: No such file or directory; name a "
            "file in a folder that is there and may be written to\n");
  EXPECT_THAT(run({"to_bad_file", testing::TempDir()}).output, HasSubstr("Is a directory"));
}

TEST(LogFile, LosesLinesOnAFullDisk) {
  const ProgramEnd end = run({"fill_disk"});
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(log_of(end.errors),
              ElementsAre("WARNING data: line 0",
                          "WARNING accelerate: lines of the log are missing in /dev/full: No space "
                          "left on device; what is written when there is room again will be there",
                          "WARNING data: line 1", "WARNING data: line 2"));
}

TEST(LogFile, GoesOnBehindALineThatWasCutOff) {
  const std::string path = new_path("limit");
  const ProgramEnd end = run({"reach_limit", path});
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.errors, HasSubstr("File too large"));
  const std::vector<std::string> lines = split(read(path));
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines[1], EndsWith("line 1"));
  EXPECT_THAT(lines[2], Not(EndsWith("line 2")));
  EXPECT_THAT(lines[3], EndsWith("WARNING data: room again"));
}

}  // namespace
}  // namespace accelerate
