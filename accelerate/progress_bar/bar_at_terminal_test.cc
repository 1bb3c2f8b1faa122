// Bars at a pseudo-terminal, and what it shows of them.
#include <csignal>
#include <cstdlib>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/progress_bar/testing/emulated_terminal.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::internal {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

struct Size {
  int rows = 24;
  int columns = 80;
};

launcher::SubprocessOptions scene(const std::string& name,
                                  const std::vector<std::string>& variables,
                                  const std::vector<std::string>& size = {}) {
  std::vector<std::string> arguments = {
      "/usr/bin/env", "-u",         "RANK",           "-u",
      "WORLD_SIZE",   "TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR=1"};
  arguments.insert(arguments.end(), variables.begin(), variables.end());
  arguments.insert(arguments.end(), {std::getenv("BAR_PROGRAM"), name});
  arguments.insert(arguments.end(), size.begin(), size.end());
  return {.arguments = arguments, .on_terminal = true};
}

// What is left on the terminal, on which the cursor begins an empty row.
std::vector<std::string> shown_by(const std::string& name, const Size& size = {}) {
  const launcher::ProgramEnd end = launcher::run_to_end(
      scene(name, {}, {std::to_string(size.rows), std::to_string(size.columns)}));
  EXPECT_EQ(end.code, 0);
  EmulatedTerminal terminal(size.rows, size.columns);
  terminal.write(end.output);
  const std::vector<std::string> rows = terminal.rows();
  EXPECT_EQ(terminal.cursor_row(), static_cast<int>(rows.size()));
  EXPECT_EQ(terminal.cursor_column(), 0);
  return rows;
}

// A row of a bar as it was left, whatever its rate.
auto bar(const std::string& beginning, const std::string& count) {
  return AllOf(StartsWith(beginning), HasSubstr("| " + count + " [00:0"), EndsWith("]"));
}

TEST(BarAtTerminal, LeavesItsLastState) {
  EXPECT_THAT(shown_by("count_to_ten"),
              ElementsAre(AllOf(bar("epoch 1: 100%|███", "10/10"), HasSubstr("it/s, loss=0.1]"))));
}

TEST(BarAtTerminal, GoesWithoutATrace) {
  EXPECT_THAT(shown_by("take_bar_away"), ElementsAre("before", "after"));
}

TEST(BarAtTerminal, StaysBelowWhatTheProgramPrints) {
  EXPECT_THAT(shown_by("print_lines"),
              ElementsAre("first line", "second line", "third 3 line", "fourth line", "fifth line",
                          bar("epoch 1:  30%|", "3/10")));
}

TEST(BarAtTerminal, StaysBelowWhatStreamsHaveKept) {
  EXPECT_THAT(shown_by("buffer"),
              ElementsAre("first line", "second line", bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, StaysBelowEachLineOfATextThatStreamsHaveKept) {
  EXPECT_THAT(shown_by("buffer_of_lines"), ElementsAre("first line", "second line", "third line",
                                                       bar("epoch 1:  20%|", "2/10")));
}

TEST(BarAtTerminal, StaysBelowLinesOfLoggers) {
  EXPECT_THAT(shown_by("logger"),
              ElementsAre(EndsWith(" WARNING data: first"), EndsWith(" WARNING data: second"),
                          EndsWith(" WARNING data: third"), EndsWith(" WARNING data: fourth"),
                          bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, StaysBelowWhatALauncherPassesOn) {
  launcher::SubprocessOptions options = scene("pipe", {});
  options.arguments.insert(options.arguments.begin(),
                           {"/bin/sh", "-c", "{ \"$@\" 2>&1 >&3 | cat; } 3>&1", "sh"});
  launcher::Subprocess program(options);
  program.wait_for_output("at once");
  program.write_input("\n");
  EXPECT_EQ(program.wait(), 0);
  EmulatedTerminal terminal(24, 80);
  terminal.write(program.output());
  EXPECT_THAT(terminal.rows(),
              ElementsAre("several", "lines", "at once", bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, StaysBelowWhatOthersPrint) {
  EXPECT_THAT(shown_by("past_streams"),
              ElementsAre("of printf", "of another rank", "begun and ended", "several", "lines",
                          "of printf", bar("epoch 1:  50%|", "5/10")));
}

TEST(BarAtTerminal, StaysBelowAtTheLastRowToo) {
  for (const int rows : {1, 2, 3, 4}) {
    EXPECT_THAT(shown_by("past_streams", {.rows = rows}),
                ElementsAre("of printf", "of another rank", "begun and ended", "several", "lines",
                            "of printf", bar("epoch 1:  50%|", "5/10")));
  }
}

TEST(BarAtTerminal, EndsOnARowOfItsOwn) {
  EXPECT_THAT(shown_by("begun_line"),
              ElementsAre("evaluating", bar("test:   0%|", "0/10"), "done"));
}

// What its remains are behind is whole, and so is all that follows.
TEST(BarAtTerminal, LosesNothingOfABurst) {
  EXPECT_THAT(shown_by("burst"),
              ElementsAre("one", StartsWith("two"), "three", bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, HasARowForEachLoopWithinALoop) {
  for (const int rows : {2, 24}) {
    EXPECT_THAT(shown_by("nest", {.rows = rows}),
                ElementsAre("loss of epoch 0", bar("test: 100%|", "4/4"), "loss of epoch 1",
                            bar("test: 100%|", "4/4"), bar("epochs: 100%|", "2/2")));
  }
}

// Before its end: both rows are there, below the cursor.
TEST(BarAtTerminal, ShowsTheInnerBarBelowTheOuterOne) {
  launcher::Subprocess program(scene("nest_and_wait", {}));
  program.wait_for_output("2/3");
  EmulatedTerminal terminal(24, 80);
  // A drawing is written in one go.
  terminal.write(program.output());
  EXPECT_EQ(terminal.cursor_row(), 0);
  EXPECT_EQ(terminal.cursor_column(), 0);
  EXPECT_THAT(terminal.rows(),
              ElementsAre("", bar("epochs:   0%|", "0/2"), bar("train:  66%|", "2/3")));
  program.write_input("\n");
  EXPECT_EQ(program.wait(), 0);
}

TEST(BarAtTerminal, IsGoneWhenAnExceptionPasses) {
  EXPECT_THAT(shown_by("exception"),
              ElementsAre(bar("epoch 1:  10%|", "1/10"), "error: it failed"));
}

TEST(BarAtTerminal, IsGoneWhenTheProgramExits) { EXPECT_THAT(shown_by("exit"), IsEmpty()); }

TEST(BarAtTerminal, DoesNotComeBackWhereStaticObjectsPrint) {
  EXPECT_THAT(shown_by("end"), ElementsAre("a static object ends"));
}

TEST(BarAtTerminal, IsGoneAfterASignalThatEndsTheProgram) {
  const std::pair<const char*, int> cases[] = {
      {"interrupt", SIGINT}, {"terminate", SIGTERM}, {"hang_up", SIGHUP}};
  for (const auto& [name, signal] : cases) {
    const launcher::ProgramEnd end = launcher::run_to_end(scene(name, {}));
    EXPECT_EQ(end.code, 128 + signal);
    EmulatedTerminal terminal(24, 80);
    terminal.write(end.output);
    EXPECT_THAT(end.output, HasSubstr("epoch 1"));
    EXPECT_THAT(terminal.rows(), IsEmpty());
  }
}

TEST(BarAtTerminal, LeavesSignalsToThoseThatTakeRequestsToStop) {
  EXPECT_THAT(shown_by("stop_request"), ElementsAre("requested 1"));
}

TEST(BarAtTerminal, IsNotTheOneOfAForkedProcess) {
  EXPECT_THAT(shown_by("fork"), ElementsAre(bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, LetsForkedProcessesPrintWhateverThreadsDo) {
  EXPECT_THAT(shown_by("fork_beside_threads"), ::testing::Contains("well 200"));
}

TEST(BarAtTerminal, CountsWhatHasNoTotalOrNoSteps) {
  EXPECT_THAT(shown_by("no_total"), ElementsAre(StartsWith("lines: 12345 lines [00:0")));
  EXPECT_THAT(shown_by("beyond"), ElementsAre(bar("125%|███", "5/4")));
  EXPECT_THAT(shown_by("no_steps"), ElementsAre(bar("none: 100%|███", "0/0")));
}

TEST(BarAtTerminal, LeavesCtrlCToAProgramThatWantsIt) {
  EXPECT_THAT(shown_by("handler"), ElementsAre(bar("epoch 1:  10%|", "1/10")));
}

TEST(BarAtTerminal, FitsATerminalThatBecomesNarrow) {
  const launcher::ProgramEnd end = launcher::run_to_end(scene("narrow", {}, {"24", "120"}));
  EXPECT_EQ(end.code, 0);
  // Has room for both bars, if each takes one row.
  EmulatedTerminal terminal(3, 30);
  terminal.write(end.output.substr(end.output.find("narrow")));
  EXPECT_THAT(terminal.rows(), ElementsAre("narrow", MatchesRegex("inner: 2 it \\[.{16}"),
                                           MatchesRegex("epoch 1:   0% 0/10 \\[.{8,9}")));
}

TEST(BarAtTerminal, CountsWideCharactersAndObeysNone) {
  const std::vector<std::string> rows = shown_by("wide", {.columns = 100});
  EXPECT_THAT(rows, ElementsAre(AllOf(bar("学習 エポック  [2J?:  50%|", "2/4"),
                                      HasSubstr(", 損失=低い ]"))));
}

TEST(BarAtTerminal, IsOfAsciiWhereTheTerminalIs) {
  const launcher::ProgramEnd end = launcher::run_to_end(scene("count_to_ten", {"LC_ALL=C"}));
  EXPECT_THAT(end.output, AllOf(HasSubstr("100%|####"), Not(HasSubstr("█"))));
}

TEST(BarAtTerminal, KeepsLinesOfOtherThreadsWhole) {
  const std::vector<std::string> rows = shown_by("threads");
  ASSERT_EQ(rows.size(), 200u);
  for (const std::string& row : rows) EXPECT_THAT(row, MatchesRegex("line [0-9]+ of thread [0-3]"));
}

TEST(BarAtTerminal, IsOfTheMainProcess) {
  const launcher::ProgramEnd other =
      launcher::run_to_end(scene("count_to_ten", {"RANK=1", "WORLD_SIZE=2"}));
  EXPECT_EQ(other.code, 0);
  EXPECT_THAT(other.output, IsEmpty());
  const launcher::ProgramEnd main =
      launcher::run_to_end(scene("count_to_ten", {"RANK=0", "WORLD_SIZE=2"}));
  EXPECT_THAT(main.output, HasSubstr("10/10"));
}

TEST(BarAtTerminal, IsALineWhereNoneObeys) {
  for (const std::string terminal : {"TERM=dumb", "TERM="}) {
    const launcher::ProgramEnd end = launcher::run_to_end(scene("count_to_ten", {terminal}));
    EXPECT_THAT(end.output, MatchesRegex("epoch 1: 100% 10/10 [^\n]*, loss=0.1]\r\n"));
  }
}

TEST(BarInALog, IsALineNowAndThen) {
  launcher::SubprocessOptions options = scene("log", {});
  options.on_terminal = false;
  const launcher::ProgramEnd end = launcher::run_to_end(options);
  EXPECT_THAT(end.output, IsEmpty());
  EXPECT_THAT(end.errors, ContainsRegex("^epoch 1: +[0-9]+% [0-9]+/40 [^\n]*it/s]\n"));
  EXPECT_THAT(end.errors, ContainsRegex("\nepoch 1: 100% 40/40 [^\n]*it/s]\n$"));
  EXPECT_THAT(end.errors, Not(HasSubstr("\033")));
  EXPECT_THAT(end.errors, Not(HasSubstr("\r")));
}

TEST(BarInALog, IsOneLineOfAShortLoop) {
  launcher::SubprocessOptions options = scene("count_to_ten", {});
  options.on_terminal = false;
  EXPECT_THAT(launcher::run_to_end(options).errors,
              MatchesRegex("epoch 1: 100% 10/10 [^\n]*, loss=0.1]\n"));
}

TEST(BarInALog, OutlivesTheReaderOfErrors) {
  launcher::SubprocessOptions options = scene("lose_reader", {});
  options.on_terminal = false;
  const launcher::ProgramEnd end = launcher::run_to_end(options);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.output, "alive\n");
}

// A loss of what nobody reads, or has room for, does not end a training.
TEST(BarInALog, DoesNotMindAFullDisk) {
  launcher::SubprocessOptions options = scene("log", {});
  options.on_terminal = false;
  options.arguments.insert(options.arguments.begin(),
                           {"/bin/sh", "-c", "exec \"$@\" 2>/dev/full", "sh"});
  EXPECT_EQ(launcher::run_to_end(options).code, 0);
}

}  // namespace
}  // namespace accelerate::internal
