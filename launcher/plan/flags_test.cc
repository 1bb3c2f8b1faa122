#include "launcher/plan/flags.h"

#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

using Arguments = std::vector<std::string>;

ParsedCommandLine parse(const Arguments& arguments) {
  const auto line = parse_launch_flags(arguments);
  EXPECT_TRUE(line.ok()) << line.status();
  return line.ok() ? *line : ParsedCommandLine{};
}

std::string error(const Arguments& arguments) {
  return std::string(parse_launch_flags(arguments).status().message());
}

TEST(LaunchFlags, AreAllUnsetOnAnEmptyLine) {
  EXPECT_EQ(parse({}).flags, LaunchFlags{});
  EXPECT_THAT(parse({}).program_arguments, IsEmpty());
}

TEST(LaunchFlags, AreEachRecognised) {
  EXPECT_EQ(parse({"--num_processes=4", "--mixed_precision=bf16", "--cpu", "--multi_gpu",
                   "--main_process_port=0", "--help"})
                .flags,
            (LaunchFlags{.num_processes = 4,
                         .mixed_precision = MixedPrecision::kBf16,
                         .cpu = true,
                         .multi_gpu = true,
                         .main_process_port = 0,
                         .help = true}));
  EXPECT_TRUE(parse({"-h"}).flags.help);
}

TEST(LaunchFlags, TakeHyphensUnderscoresAndSeparateValues) {
  const LaunchFlags expected = {.num_processes = 2, .multi_gpu = true};
  EXPECT_EQ(parse({"--num-processes=2", "--multi-gpu"}).flags, expected);
  EXPECT_EQ(parse({"--num-processes", "2", "--multi_gpu"}).flags, expected);
  EXPECT_EQ(parse({"--multi-gpu", "--num_processes", "2"}).flags, expected);
}

TEST(LaunchFlags, LeaveTheRestToTheProgramInItsOrder) {
  const ParsedCommandLine line = parse({"train", "--lr=0.1", "--num_processes", "2", "-v", "-",
                                        "--epochs", "3", "--cpu", "", "x=1"});
  EXPECT_THAT(line.program_arguments,
              ElementsAre("train", "--lr=0.1", "-v", "-", "--epochs", "3", "", "x=1"));
  EXPECT_EQ(line.flags, (LaunchFlags{.num_processes = 2, .cpu = true}));
}

TEST(LaunchFlags, EndAtTheFirstDoubleHyphen) {
  const ParsedCommandLine line = parse({"--cpu", "a", "--", "--num_processes=2", "--", "--help"});
  EXPECT_EQ(line.flags, LaunchFlags{.cpu = true});
  EXPECT_THAT(line.program_arguments, ElementsAre("a", "--num_processes=2", "--", "--help"));
}

TEST(LaunchFlags, HideAProgramsFlagOfTheSameNameBeforeTheDoubleHyphen) {
  EXPECT_THAT(parse({"--cpu"}).program_arguments, IsEmpty());
  EXPECT_THAT(parse({"--", "--cpu"}).program_arguments, ElementsAre("--cpu"));
  EXPECT_FALSE(parse({"--", "--cpu"}).flags.cpu);
}

TEST(LaunchFlags, AreNotAbbreviated) {
  EXPECT_THAT(
      parse({"--num_proc=2", "--mixed", "--he", "-cpu", "--num_processes_=2"}).program_arguments,
      SizeIs(5));
}

TEST(LaunchFlags, HoldTheirLastValue) {
  EXPECT_EQ(*parse({"--num_processes=2", "x", "--num-processes", "3"}).flags.num_processes, 3);
}

TEST(LaunchFlags, RefuseBadValuesWithARemedy) {
  for (const std::string value : {"0", "abc", "-1", "", "2x"}) {
    EXPECT_THAT(error({"--num_processes=" + value}),
                AllOf(HasSubstr("--num_processes=" + value + " is not valid"),
                      HasSubstr("at least 1"), HasSubstr("write for example --num_processes=2")));
  }
  EXPECT_THAT(error({"--num-processes", "-1"}), HasSubstr("--num_processes=-1 is not valid"));
  EXPECT_THAT(error({"--main_process_port=65536"}),
              AllOf(HasSubstr("from 0 to 65535"), HasSubstr("write 0 for any free port")));
  EXPECT_THAT(error({"--mixed_precision=fp8"}),
              AllOf(HasSubstr("--mixed_precision=fp8"), HasSubstr("not supported here")));
  EXPECT_THAT(error({"--mixed_precision", "x"}), HasSubstr("choose one of no, fp16, bf16"));
  EXPECT_THAT(error({"--cpu=true"}), HasSubstr("--cpu takes no value; write --cpu alone"));
}

TEST(LaunchFlags, RefuseAMissingValue) {
  for (const Arguments& arguments :
       {Arguments{"--num_processes"}, {"--num_processes", "--cpu"}, {"--num_processes", "--"}}) {
    EXPECT_THAT(error(arguments),
                HasSubstr("--num_processes lacks its value; write --num_processes=N."));
  }
}

TEST(LaunchFlagsHelp, DescribesEachFlagInLinesThatFit) {
  for (const std::string part : {"\nHardware:\n  --cpu ", "  -h, --help ", "  --multi_gpu ",
                                 "  --mixed_precision {no,fp16,bf16} ", "  --num_processes N ",
                                 "  --main_process_port PORT "}) {
    EXPECT_THAT(launch_flags_help(), HasSubstr(part));
  }
  std::istringstream lines(launch_flags_help());
  for (std::string line; std::getline(lines, line);) EXPECT_THAT(line, SizeIs(Le(100)));
}

}  // namespace
}  // namespace accelerate::launcher
