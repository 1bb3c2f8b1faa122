// The program `accelerate` as it is built, run as a user does.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/version/version.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kModel = "launcher/safetensors/testdata/nested.safetensors";

struct Result {
  int code = 0;
  std::string output;
  std::string errors;
};

Result run(std::vector<std::string> arguments) {
  arguments[0] = "launcher/" + arguments[0];
  Subprocess program({.arguments = arguments});
  const int code = program.wait();
  EXPECT_TRUE(program.vanishes());
  return {code, program.output(), program.errors()};
}

TEST(Accelerate, PrintsItsHelpAndFailsAlone) {
  const Result result = run({"accelerate"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.output, HasSubstr("\n  estimate-memory  Estimate "));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(run({"accelerate", "--help"}).code, 0);
}

TEST(Accelerate, PrintsItsVersion) {
  const Result result = run({"accelerate", "--version"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, std::string("accelerate ") + kVersion + "\n");
}

TEST(Accelerate, RefusesAnUnknownSubcommandInOneLine) {
  const Result result = run({"accelerate", "estimate_memory", kModel});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_EQ(result.errors,
            "accelerate: estimate_memory is no command of accelerate; did you mean "
            "estimate-memory?\n");
}

TEST(Accelerate, DescribesTheMachine) {
  const Result result = run({"accelerate", "env"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("/launcher/accelerate\n"));
  EXPECT_THAT(result.output, HasSubstr("\n- Python: "));
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(Accelerate, EstimatesMemoryByEitherName) {
  const Result result = run({"accelerate", "estimate-memory", kModel});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("│float32│  280 bytes  │  1.78 KB  │"));
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(run({"accelerate-estimate-memory", kModel}).output, result.output);
  EXPECT_THAT(run({"accelerate-estimate-memory", "--help"}).output,
              StartsWith("usage: accelerate estimate-memory PATH"));
}

TEST(Accelerate, HasLinksForTheCommandsThatTheReferenceHas) {
  for (const std::string subcommand : {"config", "launch"}) {
    const Result by_link = run({"accelerate-" + subcommand, "--no_such_flag"});
    const Result by_name = run({"accelerate", subcommand, "--no_such_flag"});
    EXPECT_EQ(by_link.code, by_name.code);
    EXPECT_EQ(by_link.errors, by_name.errors);
    EXPECT_THAT(by_link.errors, StartsWith("accelerate"));
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
