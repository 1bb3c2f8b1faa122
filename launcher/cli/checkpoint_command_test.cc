#include "launcher/cli/checkpoint_command.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "formats/safetensors/testing/safetensors_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

using checkpoints::names_in;
using checkpoints::new_checkpoint_folder;
using checkpoints::save_checkpoint;
using checkpoints::write_bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const char kId[] = "00000000000000aa";
const std::string kEvil = "a\n\x1b[2J\u202e";

CommandResult run(const std::vector<std::string>& words) {
  return result_of([&](const Console& console) { return run_checkpoint(words, console); });
}

std::string error_of(const std::vector<std::string>& words, int code = 2) {
  const CommandResult result = run(words);
  EXPECT_EQ(result.code, code) << result.output << result.errors;
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
  return result.errors;
}

// Of mixed_folder().
const char kTable[] =
    R"(┌──────────────────────────────────────────────────────────────────────────────────────────────────────┐
│                                          Checkpoints of `.`                                          │
├────────────────────────────────────────┬──────────┬─────┬────┬────────────────────┬─────────┬────────┤
│                  name                  │  state   │epoch│step│      saved at      │processes│  size  │
├────────────────────────────────────────┼──────────┼─────┼────┼────────────────────┼─────────┼────────┤
│              checkpoint_0              │  whole   │  2  │100 │2026-11-29T14:30:00Z│    4    │11 bytes│
│              checkpoint_1              │  whole   │  2  │200 │2026-11-29T14:30:00Z│    4    │5 bytes │
│              checkpoint_2              │ damaged  │     │    │                    │         │        │
│checkpoint_3.00000000000000aa.unfinished│unfinished│     │    │                    │         │        │
└────────────────────────────────────────┴──────────┴─────┴────┴────────────────────┴─────────┴────────┘
./checkpoint_2/a is missing, although the checkpoint was saved with it; copy the file again, or use another checkpoint.
./checkpoint_3.00000000000000aa.unfinished is unfinished: its saving or its removal was interrupted, or is under way.
)";

// Whole, damaged and unfinished ones.
std::string mixed_folder() {
  const std::string folder = new_checkpoint_folder();
  save_checkpoint(folder + "/checkpoint_0", {{"a", "hello world"}}, {.step = 100});
  save_checkpoint(folder + "/checkpoint_1", {{"a", "hello"}, {"b", ""}}, {.step = 200});
  save_checkpoint(folder + "/checkpoint_2", {{"a", "hello"}}, {.step = 300});
  fs::remove(folder + "/checkpoint_2/a");
  fs::create_directory(checkpoints::unfinished_path(folder + "/checkpoint_3", kId));
  return folder;
}

TEST(CheckpointList, ShowsATable) {
  const fs::path before = fs::current_path();
  // As the width of the table depends on the folder's name.
  fs::current_path(mixed_folder());
  const CommandResult result = run({"list", "."});
  fs::current_path(before);
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, kTable);
}

TEST(CheckpointList, TakesOneAlone) {
  const std::string folder = mixed_folder();
  EXPECT_THAT(run({"list", folder + "/checkpoint_1/"}).output, HasSubstr("│  2  │200 │"));
  save_checkpoint(folder + "/best", {{"a", "x"}});
  EXPECT_THAT(run({"list", folder + "/best"}).output, HasSubstr("│best│whole│"));
}

TEST(CheckpointList, SaysThatThereIsNone) {
  const std::string folder = new_checkpoint_folder();
  const CommandResult result = run({"list", folder});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, "There is no checkpoint in " + folder + ".\n");
  EXPECT_EQ(error_of({"list", folder + "/none"}),
            "accelerate checkpoint list: " + folder +
                "/none: there is no such folder; correct the path.\n");
}

TEST(CheckpointShow, ShowsTheNewestWholeOne) {
  const std::string folder = mixed_folder(), path = folder + "/checkpoint_1";
  const std::string weights = safetensors::safetensors_file(
      R"({"layer.weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
      R"("step":{"dtype":"I64","shape":[],"data_offsets":[12,20]}})",
      20);
  save_checkpoint(path, {{"model.safetensors", weights}, {"state.json", "{}"}}, {.step = 200});
  const CommandResult result = run({"show", folder});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.output,
              HasSubstr("- Checkpoint: " + path +
                        "\n- Saved at: 2026-11-29T14:30:00Z\n- Epoch: 2\n- Step: 200\n"
                        "- Processes: 4\n- Strategy: multi_cpu\n- Precision: bf16\n"
                        "- Version of the library: 0.1\n- Id: 0123456789abcdef\n- Size: "));
  EXPECT_THAT(result.output, HasSubstr(" in 2 files\n"));
  EXPECT_THAT(result.output, HasSubstr("│    state.json   │ 2 bytes │\n"));
  EXPECT_THAT(result.output, HasSubstr("Tensors of `model.safetensors`"));
  EXPECT_THAT(result.output, HasSubstr("│layer.weight│ BF16│    [2, 3]   │\n"));
  EXPECT_THAT(result.output, HasSubstr("│    step    │ I64 │      []     │\n"));
  EXPECT_EQ(run({"show", path}).output, result.output);
}

TEST(CheckpointShow, SaysWhyThereIsNothingToShow) {
  const std::string folder = mixed_folder();
  EXPECT_THAT(error_of({"show", folder + "/checkpoint_2"}, 1), HasSubstr("/a is missing, "));
  EXPECT_THAT(error_of({"show", checkpoints::unfinished_path(folder + "/checkpoint_3", kId)}),
              HasSubstr(" is unfinished: "));
  EXPECT_THAT(error_of({"show", new_checkpoint_folder()}),
              HasSubstr(": there is no whole checkpoint in this folder; name another one."));
}

TEST(CheckpointShow, SaysWhichFileHoldsNoTensors) {
  const std::string path = new_checkpoint_folder() + "/checkpoint_0";
  save_checkpoint(
      path, {{"a.safetensors", "x"}, {"b.safetensors", safetensors::safetensors_file("{}", 0)}});
  const CommandResult result = run({"show", path});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.errors, HasSubstr(path + "/a.safetensors"));
  EXPECT_THAT(result.output, HasSubstr("Tensors of `b.safetensors`"));
}

TEST(CheckpointVerify, ReadsEveryByte) {
  const std::string folder = mixed_folder();
  const CommandResult whole = run({"verify", folder + "/checkpoint_1"});
  EXPECT_EQ(whole.code, 0) << whole.errors;
  EXPECT_EQ(whole.output, folder + "/checkpoint_1: whole, 2 files, 5 bytes\n");
  write_bytes(folder + "/checkpoint_0/a", "hello worlD");
  const CommandResult result = run({"verify", folder});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.output,
              HasSubstr(folder + "/checkpoint_0: damaged: " + folder +
                        "/checkpoint_0/a is not what was saved: its 1 bytes from byte 10 on "));
  EXPECT_THAT(result.output, HasSubstr("/checkpoint_1: whole, 2 files, 5 bytes\n"));
  EXPECT_THAT(result.output,
              HasSubstr("/checkpoint_2: damaged: " + folder + "/checkpoint_2/a is missing, "));
  EXPECT_THAT(result.output, HasSubstr("aa.unfinished: unfinished\n"));
  EXPECT_EQ(result.errors,
            "accelerate checkpoint verify: 2 of 3 checkpoints are damaged; continue from one that "
            "is whole, and copy or remove the others.\n");
}

TEST(CheckpointVerify, OnlyMentionsWhatIsUnfinished) {
  const std::string folder = new_checkpoint_folder();
  const std::string unfinished = checkpoints::unfinished_path(folder + "/checkpoint_3", kId);
  EXPECT_THAT(error_of({"verify", folder}), HasSubstr(": there is no checkpoint in this folder; "));
  fs::create_directory(unfinished);
  for (const std::string& path : {folder, unfinished}) {
    const CommandResult result = run({"verify", path});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.output, unfinished + ": unfinished\n");
  }
}

TEST(CheckpointRemove, RemovesWhatIsNamed) {
  const std::string folder = mixed_folder();
  const std::string unfinished = checkpoints::unfinished_path(folder + "/checkpoint_3", kId);
  const CommandResult result = run({"remove", folder + "/checkpoint_2", unfinished});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, folder + "/checkpoint_2: removed\n" + unfinished + ": removed\n");
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0", "checkpoint_1"));
}

TEST(CheckpointRemove, RemovesNothingElse) {
  const std::string folder = mixed_folder();
  const std::vector<std::string> before = names_in(folder);
  EXPECT_EQ(error_of({"remove", folder + "/checkpoint_0", folder}),
            "accelerate checkpoint remove: " + folder +
                " is not a checkpoint, so nothing is removed; give the paths of checkpoints, such "
                "as run1/checkpoint_3.\n");
  EXPECT_THAT(error_of({"remove", folder + "/checkpoint_0", folder + "/checkpoint_9"}),
              HasSubstr("/checkpoint_9 is not there, so nothing is removed; "));
  fs::create_directory(folder + "/checkpoint_0/sub");
  EXPECT_THAT(error_of({"remove", folder + "/checkpoint_0"}),
              HasSubstr(" holds \"sub\", a folder"));
  EXPECT_EQ(names_in(folder), before);
}

TEST(Checkpoint, SuggestsWhatCanBeDone) {
  EXPECT_EQ(
      error_of({}),
      "accelerate checkpoint: a command is missing; choose one of list, show, verify, remove.\n");
  EXPECT_EQ(error_of({"lst", "run1"}),
            "accelerate checkpoint: 'lst' is not a command of accelerate checkpoint; did you mean "
            "list?\n");
  EXPECT_THAT(error_of({"list"}), HasSubstr("PATH is missing; write accelerate checkpoint list "));
  EXPECT_THAT(error_of({"remove"}), HasSubstr("PATH is missing; "));
  EXPECT_THAT(error_of({"list", "--all", "run1"}), HasSubstr("--all is not a flag of accelerate "));
  EXPECT_THAT(run({"--help"}).output, HasSubstr("verify "));
}

// Names of files, strings of a commit, and those of tensors may come from anybody.
TEST(Checkpoint, PrintsNothingThatATerminalObeys) {
  const std::string folder = new_checkpoint_folder() + "/" + kEvil;
  const std::string path = folder + "/checkpoint_0";
  const std::string json =
      R"({"\n\u001b[2J\u202e":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  checkpoints::Commit commit =
      save_checkpoint(path, {{kEvil + ".safetensors", safetensors::safetensors_file(json, 1)}});
  commit.strategy = commit.precision = commit.version = kEvil;
  ASSERT_TRUE(checkpoints::write_commit(path, commit).ok());
  fs::create_directory(checkpoints::unfinished_path(folder + "/" + kEvil, kId));
  const auto expect_harmless = [&](const std::vector<std::string>& words) {
    const CommandResult result = run(words);
    const std::string shown = result.output + result.errors;
    for (const char* harm : {"\x1b", "\u202e"}) {
      EXPECT_THAT(shown, Not(HasSubstr(harm))) << ::testing::PrintToString(words);
    }
    EXPECT_THAT(result.output, Not(HasSubstr("a\n"))) << ::testing::PrintToString(words);
    EXPECT_THAT(shown, Not(IsEmpty()));
  };
  for (const std::string word : {"list", "show", "verify"}) {
    expect_harmless({word, folder});
    expect_harmless({word, path});
  }
  write_bytes(path + "/" + kEvil + ".safetensors", "x");
  for (const std::string word : {"list", "show", "verify"}) expect_harmless({word, path});
  write_bytes(path + "/commit.json", "{\"format\": \"\\u001b[2J\"}");
  for (const std::string word : {"list", "show", "verify"}) expect_harmless({word, path});
  expect_harmless({"remove", folder});
  expect_harmless({"remove", path});
}

}  // namespace
}  // namespace accelerate::launcher
