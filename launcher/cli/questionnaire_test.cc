// What `accelerate config` of Accelerate 1.15.0 wrote for the same answers is in
// launcher/config/testdata/reference: see testing/recordings/record_config_files.py.
#include "launcher/cli/questionnaire.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/dialog/line_dialog.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/write_config.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Result {
  absl::StatusOr<LaunchConfig> config;
  std::string output;
  std::string left;  // Of the input.
};

Result ask(const std::string& input, int num_gpus = 0) {
  std::istringstream answers(input);
  std::ostringstream output;
  LineDialog dialog(answers, output);
  absl::StatusOr<LaunchConfig> config = ask_for_config(dialog, num_gpus);
  std::string left;
  std::getline(answers, left, '\0');
  return {std::move(config), output.str(), left};
}

std::string file(const std::string& input, const std::string& name) {
  const Result result = ask(input);
  EXPECT_TRUE(result.config.ok()) << result.config.status();
  EXPECT_THAT(result.left, IsEmpty()) << "more answers than questions";
  return result.config.ok() ? *format_config(*result.config, name) : "";
}

std::string error(const std::string& input) {
  const Result result = ask(input);
  EXPECT_FALSE(result.config.ok()) << input;
  return std::string(result.config.status().message());
}

TEST(Questionnaire, MakesTheFilesThatAccelerateMakesOfTheSameAnswers) {
  const auto reference = read_testdata("reference");
  for (const auto& [name, answers] : std::initializer_list<std::pair<std::string, std::string>>{
           {"cpu.yaml", "\nyes\n\n"},
           {"single_gpu.yaml", "\n\n\n\nbf16\n"},
           {"multi_cpu.yaml", "multi-CPU\n\n\n\n\n\n4\n\n"},
           {"multi_cpu_mpirun.yaml",
            "1\n4\n1\n10.0.0.1\n29501\n\n\nyes\n/home/user/hostfile\n\n\n16\n\n"},
           {"multi_gpu.yaml", "multi-GPU\n\n\n\n\n2\n0,1\nyes\nfp16\n"},
           {"multi_gpu.json", "2\n1\nno\n\n\n2\n 0, 1\nY\n1\n"},
           {"multi_gpu_one_id.yaml", "2\n\nyes\n\n\n2\n0\n\n\n"},
           {"multi_node.yaml", "2\n4\n1\n10.0.0.1\n29501\nno\nc10d\n\n\n\n8\n\n\n\n"}}) {
    EXPECT_EQ(file(answers, name), reference.at(name)) << name;
  }
}

TEST(Questionnaire, AsksWhatTheAnswersBeforeLeaveOpen) {
  EXPECT_THAT(ask("\n\n\n\n\n").output,
              AllOf(HasSubstr("CPU only"), HasSubstr("What GPU(s) (by id)"), Not(HasSubstr("How")),
                    Not(HasSubstr("mpirun")), Not(HasSubstr("checked"))));
  EXPECT_THAT(ask("0\nyes\n\n").output, Not(HasSubstr("GPU(s)")));
  EXPECT_THAT(ask("1\n\n\n\n\n\n4\n\n").output,
              AllOf(HasSubstr("mpirun"), HasSubstr("How many processes"), Not(HasSubstr("GPU(s)")),
                    Not(HasSubstr("CPU only")), Not(HasSubstr("IP address"))));
  EXPECT_THAT(ask("2\n2\n\na\n1\nyes\n\n\n\n2\n\n\n\n").output, Not(HasSubstr("rendezvous")));
}

TEST(Questionnaire, ProposesWhatTheMachineHas) {
  EXPECT_EQ(ask("2\n\n\n\n\n\n\n\n\n", /*num_gpus=*/8).config->num_processes, 8);
  EXPECT_EQ(ask("2\n\n\n\n\n\n\n\n\n", /*num_gpus=*/1).config->num_processes, 2);
  EXPECT_EQ(ask("2\n\n\n\n\n\n\n\n\n", /*num_gpus=*/0).config->num_processes, 2);
  EXPECT_EQ(ask("2\n3\n\na\n1\n\n\n\n\n\n\n\n\n", /*num_gpus=*/8).config->num_processes, 24);
  EXPECT_EQ(ask("2\n3\n\na\n1\n\n\n\n\n\n\n\n\n", /*num_gpus=*/0).config->num_processes, 3);
  EXPECT_EQ(ask("1\n\n\n\n\n\n\n\n", /*num_gpus=*/8).config->num_processes, 1);
}

TEST(Questionnaire, AsksForWhatProgramsBuiltHereShard) {
  const LaunchConfig zero1 = *ask("1\n\n\n\nyes\n1\n4\n\n").config;
  EXPECT_EQ(zero1.distributed_type, DistributedType::kDeepspeed);
  EXPECT_EQ(zero1.use_cpu, true);
  EXPECT_EQ(zero1.num_processes, 4);
  EXPECT_EQ(zero1.deepspeed_config.at("zero_stage"), "1");
  // No question after GPUs, as Accelerate has it.
  const Result gpus = ask("2\n\n\nyes\n\n2\n\n");
  EXPECT_EQ(gpus.config->deepspeed_config.at("zero_stage"), "2") << "as proposed";
  EXPECT_EQ(gpus.config->use_cpu, false);
  EXPECT_THAT(gpus.output, AllOf(HasSubstr("number or the words [2]"), HasSubstr("How many GPU(s)"),
                                 Not(HasSubstr("(by id)")), Not(HasSubstr("FullySharded"))));
  const LaunchConfig zero2 = *ask("2\n\n\nno\nyes\n\n2\n\n").config;
  EXPECT_EQ(zero2.distributed_type, DistributedType::kFsdp);
  EXPECT_EQ(zero2.fsdp_config.at("fsdp_sharding_strategy"), "SHARD_GRAD_OP");
  EXPECT_EQ(ask("2\n\n\nno\nyes\nno_shard\n2\n\n").config->fsdp_config.at("fsdp_sharding_strategy"),
            "NO_SHARD");
  EXPECT_THAT(ask("0\nyes\n\n").output, Not(HasSubstr("DeepSpeed")));
}

TEST(Questionnaire, ExpandsTheHomeFolderOfAHostfile) {
  const std::string home = ::testing::TempDir() + "home";
  setenv("HOME", home.c_str(), /*replace=*/1);
  EXPECT_EQ(ask("1\n\n\nyes\n\n\n\n\n\n").config->mpirun_hostfile(), home + "/hostfile");
  EXPECT_EQ(ask("1\n\n\nyes\n~/a b\n\n\n\n\n").config->mpirun_hostfile(), home + "/a b");
}

TEST(Questionnaire, SaysAtOnceThatMultiGpuNeedsTwo) {
  EXPECT_THAT(error("2\n\n\n\n\n1\n"),
              HasSubstr("multi-GPU on a single machine needs 2 GPUs or more: "
                        "enter how many, or start again and select `No "
                        "distributed training`"));
  EXPECT_EQ(ask("2\n2\n\na\n1\n\n\n\n\n2\n\n\n\n").config->num_processes, 2);
}

TEST(Questionnaire, CountsTheProcessesOfAllMachines) {
  for (const std::string wrong : {"1", "6", "0", "-4"}) {
    EXPECT_THAT(error("2\n4\n\na\n1\n\n\n\n\n" + wrong + "\n"), HasSubstr("enter ")) << wrong;
  }
  EXPECT_THAT(error("2\n4\n\na\n1\n\n\n\n\n6\n"),
              HasSubstr("enter the number for all 4 machines together, a multiple of 4."));
}

TEST(Questionnaire, RefusesWhatNoRunCouldUse) {
  for (const std::string answers :
       {"3\n", "multi-XPU\n", "0\nmaybe\n", "0\n\n0,,1\n", "0\n\n0,x\n", "0\n\n-1\n",
        "0\n\n\n\nfp8\n", "2\n0\n", "2\nmany\n", "2\n20000\n", "2\n2\n2\n", "2\n2\n\n\n",
        "2\n2\n\na b\n", "2\n2\n\n\xff\n", "2\n2\n\na\n0\n", "2\n2\n\na\n65536\n",
        "2\n2\n\na\n\n"}) {
    EXPECT_THAT(error(answers), AllOf(HasSubstr(" is not an answer to \""),
                                      HasSubstr("Nothing was changed."), Not(HasSubstr("\n"))))
        << answers;
  }
  EXPECT_TRUE(ask("0\n\nGPU-5aef,MIG-6b\n\n\n").config.ok());
}

TEST(Questionnaire, EndsWithTheInputWhereverThatIs) {
  const std::string answers = "2\n4\n1\n10.0.0.1\n29501\nno\nc10d\nno\nno\nno\n8\nall\nno\nno\n";
  ASSERT_TRUE(ask(answers).config.ok());
  for (std::size_t end = 0; end < answers.size(); ++end) {
    if (end > 0 && answers[end - 1] != '\n') continue;
    EXPECT_THAT(error(answers.substr(0, end)), HasSubstr("The input ended before \"")) << end;
  }
}

}  // namespace
}  // namespace accelerate::launcher
