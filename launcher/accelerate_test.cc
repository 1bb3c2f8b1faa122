// The program `accelerate` as it is built, run as a user does.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/version/version.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kModel = "formats/safetensors/testdata/nested.safetensors";

ProgramEnd run(std::vector<std::string> arguments) {
  arguments[0] = "launcher/" + arguments[0];
  return run_to_end({.arguments = arguments});
}

TEST(Accelerate, PrintsItsHelpAndFailsAlone) {
  const ProgramEnd result = run({"accelerate"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.output, HasSubstr("\n  estimate-memory  Estimate "));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(run({"accelerate", "--help"}).code, 0);
}

TEST(Accelerate, PrintsItsVersion) {
  const ProgramEnd result = run({"accelerate", "--version"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, std::string("accelerate ") + kVersion + "\n");
}

TEST(Accelerate, RefusesAnUnknownSubcommandInOneLine) {
  const ProgramEnd result = run({"accelerate", "estimate_memory", kModel});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_EQ(result.errors,
            "accelerate: 'estimate_memory' is not a command of accelerate; did you mean "
            "estimate-memory?\n");
}

TEST(Accelerate, DescribesTheMachine) {
  const ProgramEnd result = run({"accelerate", "env"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("/launcher/accelerate\n"));
  EXPECT_THAT(result.output, HasSubstr("\n- Python: "));
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(Accelerate, WritesAConfigFromAnswersAndShowsIt) {
  const std::string home = ::testing::TempDir() + "config_home";
  const std::string path = home + "/accelerate/default_config.yaml";
  setenv("HF_HOME", home.c_str(), /*replace=*/1);
  // The end of the pipe is the end of the last answer.
  Subprocess config({.arguments = {"/bin/sh", "-c",
                                   "printf 'multi-CPU\\n\\n\\nno\\n\\n\\n4\\nbf16' | "
                                   "launcher/accelerate-config"}});
  EXPECT_EQ(config.wait(), 0);
  EXPECT_THAT(config.output(), HasSubstr("\naccelerate configuration saved at " + path + "\n"));
  EXPECT_THAT(config.errors(), IsEmpty());
  const ProgramEnd shown = run({"accelerate", "env"});
  EXPECT_THAT(shown.output,
              HasSubstr("\n- `Accelerate` default config:\n\t- compute_environment: "));
  EXPECT_THAT(shown.output, HasSubstr("\n\t- num_processes: 4\n"));
  EXPECT_THAT(run({"accelerate", "config", "default"}).output,
              HasSubstr("Configuration already exists at " + path));
  EXPECT_EQ(run({"accelerate", "config", "update"}).code, 0);
  EXPECT_THAT(run({"accelerate", "env"}).output,
              EndsWith(shown.output.substr(shown.output.find("`Accelerate` default config"))));
}

TEST(Accelerate, EstimatesMemoryByEitherName) {
  const ProgramEnd result = run({"accelerate", "estimate-memory", kModel});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("│float32│  280 bytes  │  1.78 KB  │"));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(run({"accelerate-estimate-memory", kModel}).output, result.output);
  EXPECT_THAT(run({"accelerate-estimate-memory", "--help"}).output,
              StartsWith("usage: accelerate estimate-memory PATH"));
}

TEST(Accelerate, HasLinksForTheCommandsThatTheReferenceHas) {
  for (const std::string subcommand : {"config", "launch"}) {
    const ProgramEnd by_link = run({"accelerate-" + subcommand, "--no_such_flag"});
    const ProgramEnd by_name = run({"accelerate", subcommand, "--no_such_flag"});
    EXPECT_EQ(by_link.code, by_name.code);
    EXPECT_EQ(by_link.errors, by_name.errors);
    EXPECT_THAT(by_link.errors, StartsWith("accelerate"));
  }
}

// As the wheel's command is, because Python's has the other name.
TEST(Accelerate, TellsPeopleToTypeTheNameByWhichItWasCalled) {
  const std::string folder = ::testing::TempDir() + "other_names";
  std::filesystem::create_directory(folder);
  for (const std::string name : {"accelerate-cpp", "accelerate-cpp-launch"}) {
    std::filesystem::create_symlink(std::filesystem::absolute("launcher/accelerate"),
                                    folder + "/" + name);
  }
  const auto called = [&folder](std::vector<std::string> words) {
    words.insert(words.begin(), folder + "/accelerate-cpp");
    return run_to_end({.arguments = words});
  };

  EXPECT_THAT(called({"--help"}).output, StartsWith("usage: accelerate-cpp COMMAND"));
  EXPECT_EQ(called({"--version"}).output, std::string("accelerate-cpp ") + kVersion + "\n");
  EXPECT_EQ(called({"lanch"}).errors,
            "accelerate-cpp: 'lanch' is not a command of accelerate-cpp; did you mean launch?\n");
  EXPECT_THAT(called({"estimate-memory"}).errors,
              StartsWith("accelerate-cpp estimate-memory: PATH is missing; write accelerate-cpp "
                         "estimate-memory PATH "));
  EXPECT_THAT(called({"launch", "--config_file=/none", "true"}).errors,
              AllOf(StartsWith("accelerate-cpp launch: "), HasSubstr("`accelerate-cpp config`")));
  // What a scheduler starts must not be another command that is called accelerate.
  const ProgramEnd script =
      called({"launch", "--print=slurm", "--cpu", "--num_processes=4", "--num_machines=2", "true"});
  EXPECT_THAT(script.output, HasSubstr("\" accelerate-cpp launch --num_processes=4 "));

  EXPECT_THAT(run_to_end({.arguments = {folder + "/accelerate-cpp-launch", "--help"}}).output,
              StartsWith("usage: accelerate-cpp launch "));
  for (const std::string subcommand : {"config", "dump", "env", "test"}) {
    const ProgramEnd help = called({subcommand, "--help"});
    EXPECT_THAT(help.output, StartsWith("usage: accelerate-cpp " + subcommand));
    EXPECT_THAT(help.output, Not(HasSubstr("accelerate "))) << subcommand;
  }
}

TEST(Accelerate, SaysThatItsOutputIsLost) {
  Subprocess program(
      {.arguments = {"/bin/sh", "-c", "exec launcher/accelerate --version > /dev/full"}});
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("the output could not be written"));
}

}  // namespace
}  // namespace accelerate::launcher
