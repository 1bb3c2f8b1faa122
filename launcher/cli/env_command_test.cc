#include "launcher/cli/env_command.h"

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/fact.h"
#include "launcher/cli/host_facts.h"
#include "launcher/cli/python_packages.h"
#include "launcher/cli/relevant_variables.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

TEST(Facts, AreBulletsWithTheirDetailsBehindATab) {
  EXPECT_EQ(to_bullets({{"a", "1"}, {"b", "", {{"c", "2 \"x\\y\" é"}, {"d", "3"}}}, {"e", "4"}}),
            "- a: 1\n- b:\n\t- c: 2 \"x\\y\" é\n\t- d: 3\n- e: 4\n");
  EXPECT_EQ(to_bullets({{"a", "\x1b[2J\n- b: 2"}}), "- a:  [2J - b: 2\n");
  EXPECT_EQ(to_bullets({{"a\u009b", "\u202eb\x9b"}}), "- a?: ?b?\n");
}

TEST(HostFacts, AreThereAndKnownOnLinux) {
  for (const Fact& fact : host_facts()) EXPECT_FALSE(fact.value.empty()) << fact.name;
  EXPECT_THAT(host_facts()[0].value, HasSubstr("Linux-"));
  EXPECT_THAT(host_facts()[5].value, MatchesRegex("[0-9]+\\.[0-9][0-9] GB"));
}

TEST(HostFacts, ReadTheFilesOfTheSystem) {
  const std::string cpu = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz\n";
  EXPECT_EQ(value_of("model name", cpu), "Some CPU @ 2.00GHz");
  EXPECT_EQ(value_of("model", cpu), "85");
  EXPECT_EQ(value_of("flags", cpu), "");
  EXPECT_EQ(value_of("PRETTY_NAME", "NAME=\"D\"\nPRETTY_NAME=\"Debian 12\"\n"), "Debian 12");
  EXPECT_EQ(value_of("NAME", "PRETTY_NAME=x\nNAME=D"), "D");
  EXPECT_EQ(value_of("Model", "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1"),
            "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(value_of("a", ""), "");
}

TEST(PythonFacts, HaveTheVersionOfPythonAndOfEachPackage) {
  const std::vector<Fact> facts = python_facts("python3", {.time_limit = std::chrono::hours(1)});
  ASSERT_THAT(facts, SizeIs(1));
  EXPECT_THAT(facts[0].value, MatchesRegex("3\\.[0-9.]+.* at /.*"));
  EXPECT_THAT(facts[0].details, SizeIs(4));
  EXPECT_EQ(facts[0].details[0].name, "torch");
}

TEST(PythonFacts, SayWhyTheyAreNotKnown) {
  EXPECT_THAT(python_facts("no-such-python"),
              ElementsAre(Fact{"Python",
                               "not known (no-such-python cannot be started: No such file or "
                               "directory)"}));
  EXPECT_THAT(python_facts("false")[0].value, HasSubstr("not known (false failed with 1)"));
  EXPECT_THAT(
      python_facts("yes", {.time_limit = std::chrono::milliseconds(1), .size_limit = 10})[0].value,
      HasSubstr("not known (yes "));
  EXPECT_EQ(python_facts("true")[0].value, "not known (true printed nothing)");
}

TEST(RelevantVariables, AreSortedAndNoOthers) {
  const char* const environment[] = {"WORLD_SIZE=2", "PATH=/bin",           "RANK=0",
                                     "RANKS=9",      "OMP_NUM_THREADS=a=b", "HOME=/x",
                                     "NCCL_DEBUG=",  "ACCELERATE_NAMELESS", nullptr};
  EXPECT_THAT(relevant_variables(environment),
              ElementsAre(Fact{"NCCL_DEBUG", ""}, Fact{"OMP_NUM_THREADS", "a=b"}, Fact{"RANK", "0"},
                          Fact{"WORLD_SIZE", "2"}));
}

TEST(RelevantVariables, TellNoSecrets) {
  const char* const environment[] = {
      "ACCELERATE_API_KEY=x1",  "HF_TOKEN=x2", "SLURM_JWT=x3",    "NCCL_PW=x4", "TORCH_AUTH=x5",
      "TORCHELASTIC_RUN_ID=x6", "CUDA_=x7",    "SLURM_STEP_ID=8", nullptr};
  const std::string hidden = "(set, not shown)";
  EXPECT_THAT(
      relevant_variables(environment),
      ElementsAre(Fact{"ACCELERATE_API_KEY", hidden}, Fact{"CUDA_", hidden},
                  Fact{"NCCL_PW", hidden}, Fact{"SLURM_JWT", hidden}, Fact{"SLURM_STEP_ID", "8"},
                  Fact{"TORCHELASTIC_RUN_ID", hidden}, Fact{"TORCH_AUTH", hidden}));
}

TEST(EnvCommand, DescribesThePythonThatLaunchStarts) {
  setenv("PYTHON", "/no/python", /*replace=*/1);
  std::ostringstream output;
  EXPECT_EQ(run_env({}, {output, output}), 0);
  unsetenv("PYTHON");
  EXPECT_THAT(output.str(), HasSubstr("- Python: not known (/no/python cannot be started"));
  EXPECT_THAT(output.str(), HasSubstr("\t- PYTHON: /no/python\n"));
}

TEST(EnvCommand, PrintsBulletsToPaste) {
  std::ostringstream output;
  std::ostringstream errors;
  EXPECT_EQ(run_env({}, {output, errors}), 0);
  EXPECT_THAT(output.str(), HasSubstr("\nCopy-and-paste the text below in your bug report\n\n- "));
  for (const std::string name :
       {"`Accelerate` for C++ version: ", "Platform: ", "CPU: ", "GPUs: ", "Python: ",
        "Environment variables:", "`Accelerate` default config:"}) {
    EXPECT_THAT(output.str(), HasSubstr("\n- " + name));
  }
  EXPECT_THAT(errors.str(), IsEmpty());
  EXPECT_EQ(run_env({"--config_file", "/no/such.yaml"}, {output, errors}), 2);
  EXPECT_THAT(output.str(), HasSubstr("\n- `Accelerate` config passed: The passed configuration "
                                      "file `/no/such.yaml` does not exist."));
  EXPECT_EQ(run_env({"x"}, {output, errors}), 2);
}

}  // namespace
}  // namespace accelerate::launcher
