// Words that are nearly launch flags, or another launcher's.
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/request/flags.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Arguments = std::vector<std::string>;

bool has_abseil_flag(const std::string& name) { return name == "epochs" || name == "logdir"; }

std::string error(const std::string& word, const IsProgramFlag& is_program_flag = nullptr) {
  return std::string(parse_launch_flags({word, "2"}, is_program_flag).status().message());
}

TEST(NearFlags, AreErrorsWhateverTheProgramTakes) {
  const std::pair<const char*, const char*> misses[] = {
      {"--num_process=2", "--num_processes"},
      {"--mixed_precison=bf16", "--mixed_precision"},
      {"--num-proceses", "--num_processes"},
      {"--num_proc=2", "--num_processes"},
      {"--mulit_gpu", "--multi_gpu"},
      {"--gpu_id", "--gpu_ids"},
      {"--machine_ranks", "--machine_rank"},
      {"--logdir=x", "--log_dir"},
      {"--main_process_prot=1", "--main_process_port"}};
  for (const auto& [word, flag] : misses) {
    const std::string text = error(word);
    EXPECT_THAT(text,
                AllOf(HasSubstr(" is not a launch flag; did you mean " + std::string(flag) + "?"),
                      HasSubstr("write it after `--`")))
        << word;
  }
  EXPECT_EQ(error("--num_process=2", has_abseil_flag), error("--num_process=2"));
}

TEST(NearFlags, AreTheProgramsWhereItSaysSo) {
  EXPECT_TRUE(parse_launch_flags({"--logdir=x"}, has_abseil_flag).ok());
  EXPECT_TRUE(parse_launch_flags({"--nologdir"}, has_abseil_flag).ok());
  const auto request = parse_launch_flags({"--", "--num_process=2", "--fp16"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->program.arguments, ElementsAre("--num_process=2", "--fp16"));
  EXPECT_THAT(request->remarks, IsEmpty());
}

TEST(NearFlags, AreNotWhatProgramsUsuallyTake) {
  const Arguments arguments = {
      "--epochs=3", "--lr=0.1",     "--batch_size=2",  "--data=x",      "--seed=1",
      "--rule",     "--num_layers", "--num_workers",   "--num_threads", "--log_level",
      "--model",    "--output_dir", "--learning_rate", "--momentum",    "--device=cpu",
      "--resume",   "--gpu",        "num_process",     "-num_process",  "---",
      "--=",        "--machine"};
  const auto request = parse_launch_flags(arguments);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->program.arguments, arguments);
  EXPECT_THAT(request->remarks, IsEmpty());
}

TEST(ForeignFlags, HaveAHint) {
  const std::pair<const char*, const char*> flags[] = {
      {"--fp16", "--mixed_precision=fp16"}, {"--bf16", "--mixed_precision=bf16"},
      {"--nproc=2", "--num_processes=N"},   {"--num-gpus", "--num_processes=N"},
      {"--nnodes=2", "--num_machines=N"},   {"--config", "--config_file=FILE"}};
  for (const auto& [flag, hint] : flags) {
    const std::string word = flag;
    const std::string launch(parse_launch_command({word, "x.py"}).status().message());
    EXPECT_THAT(launch, HasSubstr(" is not a launch flag; write " + std::string(hint)));
    EXPECT_THAT(error(word, has_abseil_flag), HasSubstr("; write " + std::string(hint)));
    const auto request = parse_launch_flags({word});
    ASSERT_TRUE(request.ok()) << "it may be the program's own: " << request.status();
    EXPECT_THAT(request->remarks,
                ElementsAre(AllOf(HasSubstr(" is passed to the program"),
                                  HasSubstr("for the launcher, write " + std::string(hint)))));
  }
}

}  // namespace
}  // namespace accelerate::launcher
