// Flags of `accelerate launch` alone, typed at a program that launches itself.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flag_table.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool has_epochs(const std::string& name) { return name == "epochs"; }
bool has_all(const std::string&) { return true; }

bool is_for_the_command_alone(const LaunchFlag& flag) { return flag.use != FlagUse::kLaunch; }

// None changes a run, or is dropped from it, without a word.
TEST(CommandFlags, AreSaidToWhoTypesThemAtAProgram) {
  for (const LaunchFlag& flag : launch_flags()) {
    if (!is_for_the_command_alone(flag)) continue;
    const std::string word = "--" + flag.name;
    EXPECT_THAT(parse_launch_flags({word}, has_epochs).status().message(),
                AllOf(HasSubstr(word + " is "), HasSubstr("; ")))
        << "as the program has no such flag";
    EXPECT_TRUE(parse_launch_flags({word}, has_all).ok()) << word << " is the program's";
    const auto behind = parse_launch_flags({"--", word});
    ASSERT_TRUE(behind.ok()) << behind.status();
    EXPECT_THAT(behind->remarks, IsEmpty());

    const auto request = parse_launch_flags({word});
    if (!request.ok()) {
      EXPECT_THAT(request.status().message(), HasSubstr("after `--`")) << word;
      continue;
    }
    EXPECT_THAT(request->program.arguments, ElementsAre(word)) << "it may be the program's own";
    const bool is_anybodys =
        word == "--debug" || word == "--module" || word == "--env" || word == "--vm";
    if (is_anybodys) {
      EXPECT_THAT(request->remarks, IsEmpty()) << word;
    } else {
      EXPECT_THAT(request->remarks, ElementsAre(HasSubstr(word + " is passed to the program")))
          << word;
    }
  }
}

TEST(CommandFlags, ThatMakeAnotherRunAreRefused) {
  for (const std::string word :
       {"--use_megatron_lm", "--use-megatron-lm", "--use_parallelism_config", "--tpu"}) {
    for (const IsProgramFlag& is_program_flag : {IsProgramFlag(), IsProgramFlag(has_epochs)}) {
      EXPECT_THAT(parse_launch_flags({word, "--dry_run"}, is_program_flag).status().message(),
                  HasSubstr(word + " is for Python programs"));
    }
  }
}

TEST(CommandFlags, HaveValuesThatAreChecked) {
  for (const std::string value : {"0", "-1", "many", ""}) {
    EXPECT_THAT(
        parse_launch_command({"--gradient_accumulation_steps=" + value, "x"}).status().message(),
        HasSubstr("--gradient_accumulation_steps=" + value + " is not valid"));
  }
  const auto request = parse_launch_command({"--gradient_accumulation_steps=4", "x"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->accumulation_steps, "4");
}

TEST(CommandFlags, SayWhereTheyCount) {
  const auto remark = [](const std::string& word) { return parse_launch_flags({word})->remarks; };
  EXPECT_THAT(remark("--print"), ElementsAre(HasSubstr("with `accelerate launch --print={slurm")));
  EXPECT_THAT(remark("--gradient_accumulation_steps=4"),
              ElementsAre(HasSubstr("`accelerate launch --gradient_accumulation_steps=N`")));
  EXPECT_THAT(remark("--zero3_init_flag=true"), ElementsAre(HasSubstr("leave it out")));
}

}  // namespace
}  // namespace accelerate::launcher
