#include "launcher/cli/runs_command.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "formats/runs/testing/run_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "launcher/text/columns.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

using nlohmann::json;
using runs::new_runs_folder;
using runs::write_run;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult run(const std::vector<std::string>& words) {
  return result_of([&](const Console& console) { return run_runs(words, console); });
}

std::string error_of(const std::vector<std::string>& words) {
  const CommandResult result = run(words);
  EXPECT_EQ(result.code, 2) << result.output << result.errors;
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
  EXPECT_EQ(result.output, "");
  return result.errors;
}

std::vector<std::string> names_in(const json& document) {
  std::vector<std::string> names;
  for (const json& run : document["runs"]) names.push_back(run["name"]);
  return names;
}

class Runs : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("COLUMNS", "80", /*replace=*/1);
    setenv("LC_ALL", "C.UTF-8", /*replace=*/1);
  }

  std::string two_runs() const {
    const std::string folder = new_runs_folder();
    write_run(folder + "/first", {{"loss", {4, 3, 2, 1}}, {"accuracy", {0.1, 0.3, 0.25}}},
              R"({"lr": 0.1, "layers": 12})");
    write_run(folder + "/second", {{"loss", {3, 2, std::stod("nan")}}},
              R"({"lr": 0.2, "layers": 12})");
    return folder;
  }
};

TEST_F(Runs, AreShownInTables) {
  const std::string folder = two_runs();
  const CommandResult result = run({folder});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("│ first  │     4 │       40 s │ 0.1 │\n"
                                       "│ second │     3 │       30 s │ 0.2 │\n"));
  EXPECT_THAT(result.output, HasSubstr("accuracy (the highest is best)"));
  EXPECT_THAT(result.output, HasSubstr("│ first │ 0.25 │  0.3 │       2 │ ▁▁▁▁"));
  EXPECT_THAT(result.output, HasSubstr("loss (the lowest is best)"));
  EXPECT_THAT(result.output, HasSubstr("│ first  │    1 │    1 │       4 │ ████"));
  EXPECT_THAT(result.output, HasSubstr("│ second │  nan │    2 │       2 │ ▆▆▆▆"));
  EXPECT_THAT(result.output, HasSubstr("│ curve, 1 to 4 "));
  EXPECT_THAT(result.output, EndsWith("second: loss was nan at step 3, for the first time.\n"));
  EXPECT_THAT(result.output, Not(HasSubstr("layers")));
}

TEST_F(Runs, AreMetricsInOneTableWhereThereIsOne) {
  const CommandResult result = run({two_runs() + "/first"});
  EXPECT_THAT(result.output, HasSubstr("first: 4 steps in 40 s"));
  EXPECT_THAT(result.output, HasSubstr("│ accuracy │ 0.25 │  0.3 │       2 │ ▁▁"));
  EXPECT_THAT(result.output, HasSubstr("│ loss     │    1 │    1 │       4 │ ██"));
  EXPECT_THAT(result.output, Not(HasSubstr("Runs")));
}

TEST_F(Runs, FitTheTerminal) {
  const std::string folder = new_runs_folder();
  for (int i = 0; i < 3; ++i) {
    write_run(absl::StrCat(folder, "/a run whose name is longer than a terminal is wide, ", i, "é"),
              {{"loss", {12345.678 * i, -1e-300}},
               {"a/metric/whose/name/is/longer/than/many/a/terminal/is/wide/by/far", {1}}},
              absl::StrCat(R"({"a_setting_with_a_long_name": ")", std::string(50, 'x'), i,
                           R"(", "b": )", i, R"(, "another_setting_with_a_long_name": )", i, "}"));
  }
  for (const std::string width : {"40", "55", "80", "100"}) {
    setenv("COLUMNS", width.c_str(), /*replace=*/1);
    const CommandResult result = run({folder});
    EXPECT_EQ(result.code, 0);
    for (const absl::string_view line : absl::StrSplit(result.output, '\n')) {
      EXPECT_LE(columns_of(std::string(line)), std::stoi(width)) << line;
    }
    EXPECT_THAT(result.output, HasSubstr("…"));
  }
  setenv("COLUMNS", "40", /*replace=*/1);
  EXPECT_THAT(run({folder}).output, HasSubstr("These settings differ too, and are shown"));
  // Figures that leave a name less than a third of the width.
  const std::string long_figures = new_runs_folder();
  for (const char* name : {"a long name of a run", "and the name of another"}) {
    runs::write_text(absl::StrCat(long_figures, "/", name, "/metrics.jsonl"),
                     "{\"step\":1,\"time\":1000,\"loss\":-1.2345e-300}\n"
                     "{\"step\":9223372036854775807,\"time\":999999999,\"loss\":-1.2344e-300}\n");
  }
  const std::string output = run({long_figures}).output;
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    EXPECT_LE(columns_of(std::string(line)), 40) << line;
  }
  EXPECT_THAT(output, AllOf(HasSubstr("9.2234e+18"), HasSubstr("-1.2344e-300")));
}

// Names of wide characters, and of accents over the one before them.
TEST_F(Runs, StandInLineWhateverTheirNames) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/学習", {{"loss", {1}}});
  write_run(folder + "/re\u0301sume\u0301", {{"loss", {2}}});
  const std::string output = run({folder}).output;
  const std::string first_table = output.substr(0, output.find("└"));
  EXPECT_THAT(first_table, HasSubstr("学習"));
  std::set<int> widths;
  for (const absl::string_view line : absl::StrSplit(first_table, '\n', absl::SkipEmpty()))
    widths.insert(columns_of(std::string(line)));
  EXPECT_EQ(widths.size(), 1u);
}

TEST_F(Runs, ShowNumbersThatAreNotCutOff) {
  const std::string folder = new_runs_folder();
  write_run(folder + "/first", {{"loss", {1234567}}},
            R"({"lr": 2.7890007007621234e-05, "model": "a model with a long name"})");
  write_run(folder + "/second", {{"loss", {1e-12}}}, R"({"lr": 0.1, "model": "other"})");
  const std::string output = run({folder}).output;
  EXPECT_THAT(output, AllOf(HasSubstr(" 2.789e-05 "), HasSubstr(" a model with a … ")));
  EXPECT_THAT(output, AllOf(HasSubstr(" 1234567 "), HasSubstr(" 1e-12 ")));
}

TEST_F(Runs, AreShownInAsciiWhereTheLocaleSaysSo) {
  const std::string folder = two_runs();
  write_run(folder + "/größer", {{"loss", {1}}});
  for (const char* locale : {"C", "POSIX", "de_DE.ISO-8859-1"}) {
    setenv("LC_ALL", locale, /*replace=*/1);
    const std::string output = run({folder}).output;
    EXPECT_TRUE(std::all_of(output.begin(), output.end(), [](char byte) { return byte > 0; }));
    EXPECT_THAT(output, AllOf(HasSubstr("| gr??er |"), HasSubstr("####"), HasSubstr("+---")));
  }
  unsetenv("LC_ALL");
  setenv("LANG", "en_US.utf8", /*replace=*/1);
  EXPECT_THAT(run({folder}).output, HasSubstr("████"));
  unsetenv("LANG");
  EXPECT_THAT(run({folder}).output, HasSubstr("████"));
}

TEST_F(Runs, AreSorted) {
  const std::string folder = two_runs();
  write_run(folder + "/third", {{"accuracy", {0.9, 0.9, 0.9, 0.9, 0.9}}});
  const auto sorted_by = [&](const std::string& key) {
    return names_in(json::parse(run({folder, "--json", "--sort=" + key}).output));
  };
  EXPECT_THAT(sorted_by("name"), ElementsAre("first", "second", "third"));
  EXPECT_THAT(sorted_by("steps"), ElementsAre("third", "first", "second"));
  EXPECT_THAT(sorted_by("time"), ElementsAre("second", "first", "third"));
  EXPECT_THAT(sorted_by("loss"), ElementsAre("first", "second", "third"));
  EXPECT_THAT(sorted_by("accuracy"), ElementsAre("third", "first", "second"));
  EXPECT_THAT(error_of({folder, "--sort=acuracy"}), HasSubstr("did you mean accuracy?"));
  // A time that is none has no place in an order, which another run's place would depend on.
  runs::write_text(
      folder + "/fourth/metrics.jsonl",
      "{\"step\":1,\"time\":\"inf\",\"loss\":1}\n{\"step\":2,\"time\":1000,\"loss\":1}\n"
      "{\"step\":3,\"loss\":1}\n");
  EXPECT_THAT(sorted_by("time"), ElementsAre("fourth", "second", "first", "third"));
}

TEST_F(Runs, ShowOnlyTheMetricsThatAreNamed) {
  const std::string folder = two_runs();
  const std::string output = run({folder, "--metric=loss"}).output;
  EXPECT_THAT(output, AllOf(HasSubstr("loss ("), Not(HasSubstr("accuracy"))));
  const json both =
      json::parse(run({folder, "--json", "--metric", "loss", "--metric", "accuracy"}).output);
  EXPECT_EQ(both["runs"][0]["metrics"].size(), 2u);
  EXPECT_EQ(both["runs"][1]["metrics"].size(), 1u);
  EXPECT_EQ(
      error_of({folder, "--metric=los"}),
      "accelerate runs: --metric: \"los\" is not a metric of these runs; did you mean loss?\n");
}

TEST_F(Runs, KnowWhichMetricsAreBetterHigher) {
  const json runs =
      json::parse(run({two_runs(), "--json", "--higher_is_better=loss"}).output)["runs"];
  EXPECT_EQ(runs[0]["metrics"]["loss"]["best"]["value"], 4);
  EXPECT_EQ(runs[0]["metrics"]["accuracy"]["best"]["value"], 0.3);
  EXPECT_THAT(error_of({two_runs(), "--higher_is_better=lss"}), HasSubstr("did you mean loss?"));
}

TEST_F(Runs, WriteAPage) {
  const std::string folder = two_runs(), path = folder + "/pages/runs.html";
  const auto page = [&path] {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  const CommandResult result = run({folder, "--html", path});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output, EndsWith(path + ": the page with charts; open it in a browser.\n"));
  EXPECT_THAT(page(), AllOf(HasSubstr("\"name\":\"second\""), HasSubstr("accuracy")));
  // It replaces one that is there; beside JSON there is nothing else on the standard output.
  const CommandResult again = run({folder, "--json", "--metric=loss", "--html=" + path});
  EXPECT_EQ(names_in(json::parse(again.output)).size(), 2u);
  EXPECT_THAT(page(), Not(HasSubstr("accuracy\"")));
  EXPECT_THAT(error_of({folder, "--html=" + folder + "/first/metrics.jsonl"}),
              HasSubstr("does not end in .html; name the page to write, such as runs.html."));
  fs::create_directories(folder + "/folder.html");
  const CommandResult refused = run({folder, "--html=" + folder + "/folder.html"});
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.errors, HasSubstr("folder.html"));
}

TEST_F(Runs, SayWhatIsWrongWithAFolder) {
  const std::string folder = new_runs_folder();
  EXPECT_EQ(error_of({folder + "/none"}),
            "accelerate runs: " + folder + "/none: there is no such folder; correct the path.\n");
  EXPECT_THAT(error_of({folder}), HasSubstr("there is no run in this folder"));
  runs::write_text(folder + "/file", "");
  EXPECT_THAT(error_of({folder + "/file"}), HasSubstr(" is not a folder; "));
  EXPECT_THAT(error_of({}), HasSubstr("FOLDER is missing; "));
  runs::write_text(folder + "/new/metrics.jsonl", "");
  EXPECT_THAT(run({folder}).output,
              AllOf(HasSubstr(folder + "/new has no values of metrics yet.")));
  EXPECT_THAT(error_of({folder, "--metric=loss"}), HasSubstr("no run has logged a metric"));
}

TEST_F(Runs, AreReadWhateverIsDamaged) {
  const std::string folder = two_runs();
  runs::write_text(folder + "/second/config.json", "{\"name\":");
  std::ofstream(folder + "/first/metrics.jsonl", std::ios::app) << "{\"step\":5,\"ti";
  const CommandResult result = run({folder});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("/first/metrics.jsonl: the last line is cut off"));
  EXPECT_THAT(result.output, HasSubstr("/second/config.json is not the config of a run"));
}

// Names of runs, metrics and settings may come from anybody.
TEST_F(Runs, PrintNothingThatATerminalObeys) {
  const std::string folder = new_runs_folder();
  for (const char* number : {"1", "2"}) {
    write_run(folder + "/a\n\x1b[2J\u202e" + number, {{R"(\u001b[2J\n\u202e)", {1}}},
              absl::StrCat(R"({"\u001b[2J": "\u001b[2J\n)", number, "\"}"));
  }
  for (const std::vector<std::string>& words : {std::vector<std::string>{folder},
                                                {folder + "/a\n\x1b[2J\u202e" + "1"},
                                                {folder, "--metric=\x1b[2J"},
                                                {folder, "--sort=\x1b[2J"},
                                                {folder + "\x1b[2J"}}) {
    const CommandResult result = run(words);
    EXPECT_THAT(result.output + result.errors,
                AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\u202e")), Not(HasSubstr("a\n"))));
  }
}

}  // namespace
}  // namespace accelerate::launcher
