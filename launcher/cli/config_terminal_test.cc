// `accelerate config` at a terminal, as a person and signals meet it.

#include <csignal>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kFirstMenu = "2. multi-GPU\r\n";
const std::string kCommand = "launcher/accelerate config --config_file ";

// Starts `command` in a shell that tells the terminal's settings before and after it.
std::string between_settings(const std::string& command) {
  return "trap : INT; stty -g > " + command + ".before; " + kCommand + command +
         "; echo code $?; stty -g > " + command + ".after; echo end";
}

class ConfigTerminalTest : public ::testing::Test {
 protected:
  // The shell's processes have the terminal, and are not killed with the command.
  Subprocess start() {
    return Subprocess(
        {.arguments = {"/bin/sh", "-c", between_settings(path_)}, .on_terminal = true});
  }

  void expect_settings_restored() {
    EXPECT_EQ(read_text(path_ + ".before"), read_text(path_ + ".after"));
  }

  const std::string path_ = make_folder() + "/a.yaml";
};

TEST_F(ConfigTerminalTest, WritesWhatIsChosenByKeys) {
  Subprocess shell = start();
  shell.wait_for_output(kFirstMenu);
  shell.write_input("\x1b[B\x1b[B\r");
  shell.wait_for_output("How many different machines");
  shell.write_input("one\n");
  shell.wait_for_output("\"one\" is not an answer; enter a whole number from 1 to 10000.");
  shell.write_input("\n");
  shell.wait_for_output("checked while running");
  shell.write_input("\n");
  shell.wait_for_output("use DeepSpeed");
  shell.write_input("\n");
  shell.wait_for_output("FullyShardedDataParallel");
  shell.write_input("\n");
  shell.wait_for_output("How many GPU(s)");
  shell.write_input("1\n");
  shell.wait_for_output("multi-GPU on a single machine needs 2 GPUs or more");
  shell.write_input("2\n");
  shell.wait_for_output("What GPU(s)");
  shell.write_input("0,1\n");
  shell.wait_for_output("numa efficiency");
  shell.write_input("yes\n");
  shell.wait_for_output("2. bf16\r\n");
  shell.write_input("1\r");
  shell.wait_for_output("code 0");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("accelerate configuration saved at " + path_ + "\r\n"));
  EXPECT_EQ(read_text(path_), read_testdata("reference").at("multi_gpu.yaml"));
  expect_settings_restored();
}

TEST_F(ConfigTerminalTest, EndsByCtrlCInAMenu) {
  Subprocess shell = start();
  shell.wait_for_output(kFirstMenu);
  shell.write_input("j\x03");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("code 130"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  expect_settings_restored();
}

TEST_F(ConfigTerminalTest, EndsByCtrlCInALine) {
  Subprocess shell = start();
  shell.wait_for_output(kFirstMenu);
  shell.write_input("\r");
  shell.wait_for_output("CPU only");
  shell.write_input("ye\x03");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("code 130"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  expect_settings_restored();
}

TEST_F(ConfigTerminalTest, EndsByCtrlD) {
  Subprocess shell = start();
  shell.wait_for_output(kFirstMenu);
  shell.write_input("\x04");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("The input ended before \"Which type of machine"));
  EXPECT_THAT(shell.output(), HasSubstr("code 2\r\n"));
  expect_settings_restored();
}

TEST_F(ConfigTerminalTest, IsNotStoppedByKeysInAMenu) {
  Subprocess shell = start();
  shell.wait_for_output(kFirstMenu);
  shell.write_input("\x1a\x1c\r");
  shell.wait_for_output("CPU only");
  shell.write_input("maybe\nyes\n");
  shell.wait_for_output("2. bf16\r\n");
  shell.write_input("\r");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("code 0"));
  EXPECT_EQ(read_text(path_), read_testdata("reference").at("cpu.yaml"));
  expect_settings_restored();
}

TEST_F(ConfigTerminalTest, LeavesAFileThatMayNotBeOverwritten) {
  write_text(path_, "old");
  Subprocess shell = start();
  shell.wait_for_output("exists. Overwrite? [yes/NO]: ");
  shell.write_input("\n");
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_THAT(shell.output(), HasSubstr("code 1\r\n"));
  EXPECT_THAT(shell.output(), Not(HasSubstr("Which type")));
  EXPECT_EQ(read_text(path_), "old");
}

class ConfigSignalTest : public ::testing::TestWithParam<int> {};

TEST_P(ConfigSignalTest, EndsTheCommandInAMenuAsItWouldOutside) {
  const std::string path = make_folder() + "/a.yaml";
  Subprocess command(
      {.arguments = {"launcher/accelerate", "config", "--config_file", path}, .on_terminal = true});
  command.wait_for_output(kFirstMenu);
  command.send_signal(GetParam());
  EXPECT_EQ(command.wait(), 128 + GetParam());
  EXPECT_FALSE(std::filesystem::exists(path));
}

INSTANTIATE_TEST_SUITE_P(Signals, ConfigSignalTest, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

}  // namespace
}  // namespace accelerate::launcher
