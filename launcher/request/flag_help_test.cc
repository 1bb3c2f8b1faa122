#include "launcher/request/flag_help.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flag_table.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

void expect_lines_that_fit(const std::string& help, int width) {
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, SizeIs(Le(width)));
}

TEST(FlagHelp, DescribesEachFlagOfAProgramByGroups) {
  const std::string help = launch_flags_help();
  for (const std::string part :
       {"\nHardware:\n  --cpu ", "  -h, --help ", "  --multi_gpu ",
        "  --mixed_precision {no,fp16,bf16,fp8}", "  --num_processes N ",
        "  --main_process_port PORT ", "\nOutput and failures:\n  --tee STREAMS ",
        "\nSharding: each process keeps only a part:\n  --use_fsdp ", "--zero_stage"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
  for (const std::string part : {"--module", "Python", "megatron", "--tpu"}) {
    EXPECT_THAT(help, Not(HasSubstr(part)));
  }
}

TEST(FlagHelp, FitsTheTerminal) {
  for (const int width : {60, 80, 100}) {
    expect_lines_that_fit(launch_flags_help(nullptr, width), width);
    expect_lines_that_fit(launch_command_help(width), width);
  }
}

TEST(FlagHelp, LeavesOutWhatTheProgramClaims) {
  EXPECT_THAT(launch_flags_help([](const std::string& name) { return name == "log_dir"; }),
              Not(HasSubstr("--log_dir")));
}

TEST(FlagHelp, NamesEachFlagOfTheCommand) {
  const std::string help = launch_command_help();
  EXPECT_THAT(help, StartsWith("usage: accelerate launch [FLAG ...] PROGRAM [ARGUMENT ...]\n"));
  for (const LaunchFlag& flag : launch_flags()) EXPECT_THAT(help, HasSubstr("--" + flag.name));
  EXPECT_THAT(help, HasSubstr("\n  -t, --tee STREAMS "));
}

}  // namespace
}  // namespace accelerate::launcher
