// `accelerate test`, as a person runs it on a machine that shows no GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "testing/subprocess/subprocess.h"

namespace accelerate {
namespace {

using launcher::Subprocess;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

constexpr char kSuccess[] =
    " ok\nTest is a success! You are ready for your distributed training!\n";

// With no other config file than the one that is named.
Words command(const Words& arguments) {
  Words words{"/usr/bin/env", "HF_HOME=" + testing::TempDir() + "/empty",
              "CUDA_VISIBLE_DEVICES=", "OMP_NUM_THREADS=1", std::getenv("ACCELERATE")};
  words.push_back("test");
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

TEST(TestCommand, StartsTwoProcessesWhereNobodySaysHowMany) {
  Subprocess program({.arguments = command({})});
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_TRUE(program.vanishes());
  EXPECT_EQ(program.errors(), "");
  EXPECT_THAT(program.output(), StartsWith("process group: 2 processes on the CPU ."));
  EXPECT_THAT(program.output(), EndsWith(kSuccess));
}

TEST(TestCommand, LaunchesWhatTheConfigFileSays) {
  const std::string file = testing::TempDir() + "/three.yaml";
  std::ofstream(file) << "distributed_type: MULTI_CPU\nmixed_precision: bf16\nnum_processes: 3\n";
  Subprocess program({.arguments = command({"--config_file", file})});
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_THAT(program.output(),
              StartsWith("process group: 3 processes on the CPU, launched in bf16 ."));
  EXPECT_THAT(program.output(), EndsWith(kSuccess));
}

TEST(TestCommand, HandsLaunchFlagsOn) {
  Subprocess program(
      {.arguments = command({"--cpu", "--num-processes=1", "--mixed_precision", "fp16"})});
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_THAT(program.output(), StartsWith("process group: 1 process on the CPU, alone, launched"));
}

TEST(TestCommand, ClaimsNoSuccessForAJobThatItPrints) {
  Subprocess program({.arguments = command({"--cpu", "--print=slurm", "--num_processes=2"})});
  EXPECT_EQ(program.wait(), 0) << program.errors();
  EXPECT_THAT(program.output(), HasSubstr("#SBATCH"));
  EXPECT_THAT(program.output(), Not(HasSubstr("Test is a success")));
}

TEST(TestCommand, FailsWithTheCodeOfTheLaunch) {
  std::string line = "exec";
  for (const std::string& word : command({})) line += " " + word;
  Subprocess program({.arguments = {"/bin/sh", "-c", line + " > /dev/full"}});
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(
      program.errors(),
      EndsWith("accelerate test: the test failed with exit code 1; the lines marked FAILED, "
               "or the errors above, say what to look at.\n"));
}

TEST(TestCommand, RefusesWhatIsNoLaunchFlagInASentence) {
  Subprocess misspelt({.arguments = command({"--num_proceses=2"})});
  EXPECT_EQ(misspelt.wait(), 2);
  EXPECT_EQ(
      misspelt.errors(),
      "accelerate test: --num_proceses is not a launch flag; did you mean --num_processes?\n");
  Subprocess other({.arguments = command({"--cpu", "train.py"})});
  EXPECT_EQ(other.wait(), 2);
  EXPECT_THAT(other.errors(), StartsWith("accelerate test: \"train.py\" is one word too many"));
  EXPECT_EQ(other.output(), "");
}

TEST(TestCommand, ExplainsItself) {
  Subprocess program({.arguments = command({"--help"})});
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(program.output(), StartsWith("usage: accelerate test "));
  EXPECT_THAT(program.output(), HasSubstr("--config_file FILE"));
}

}  // namespace
}  // namespace accelerate
