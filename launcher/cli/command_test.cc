#include "launcher/cli/command.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "launcher/version/version.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

int run_echo(const Words& words, const Console& console) {
  console.output << "echo:" << absl::StrJoin(words, ",");
  return 42;
}

int run_nothing(const Words&, const Console&) { return kSuccess; }

CommandResult run(const Words& arguments) {
  const std::vector<Subcommand> subcommands = {{"echo", "Print the words.", run_echo},
                                               {"sit-still", "Do nothing.", run_nothing}};
  return result_of(
      [&](const Console& console) { return run_command(arguments, subcommands, console); });
}

TEST(Command, PrintsItsHelpAndFailsWithoutASubcommand) {
  for (const Words& arguments : {Words{}, {"accelerate"}, {"/usr/bin/accelerate"}}) {
    const CommandResult result = run(arguments);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.output, HasSubstr("\nCommands:\n"
                                         "  echo       Print the words.\n"
                                         "  sit-still  Do nothing.\n"));
    EXPECT_THAT(result.errors, IsEmpty());
  }
}

TEST(Command, PrintsItsHelpWhereItIsAskedFor) {
  for (const std::string flag : {"-h", "--help"}) {
    const CommandResult result = run({"accelerate", flag});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.output, run({"accelerate"}).output);
  }
}

TEST(Command, PrintsItsVersion) {
  const CommandResult result = run({"accelerate", "--version"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, std::string("accelerate ") + kVersion + "\n");
}

TEST(Command, RunsTheSubcommandWithTheWordsBehindIt) {
  EXPECT_EQ(run({"accelerate", "echo"}).output, "echo:");
  const CommandResult result = run({"accelerate", "echo", "a", "--help", "--version", "echo"});
  EXPECT_EQ(result.code, 42);
  EXPECT_EQ(result.output, "echo:a,--help,--version,echo");
  EXPECT_EQ(run({"accelerate", "sit-still"}).code, 0);
}

TEST(Command, IsASubcommandByTheNameOfALink) {
  for (const std::string program : {"accelerate-echo", "./accelerate-echo", "/a-b/accelerate-echo"})
    EXPECT_EQ(run({program, "a", "b"}).output, "echo:a,b") << program;
  EXPECT_EQ(run({"/accelerate-echo/accelerate", "echo", "a"}).output, "echo:a");
  EXPECT_EQ(run({"accelerate-sit-still"}).code, 0);
}

TEST(Command, NamesTheNearestSubcommandInOneLine) {
  const CommandResult result = run({"accelerate", "ehco", "a"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.errors,
            "accelerate: 'ehco' is not a command of accelerate; did you mean echo?\n");
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_EQ(run({"accelerate", "sit_still"}).errors,
            "accelerate: 'sit_still' is not a command of accelerate; did you mean sit-still?\n");
  EXPECT_EQ(run({"accelerate", "zzzzz"}).errors,
            "accelerate: 'zzzzz' is not a command of accelerate; choose one of echo, sit-still.\n");
  EXPECT_EQ(run({"accelerate", "--verison"}).errors,
            "accelerate: '--verison' is not a flag of accelerate; did you mean --version?\n");
}

CommandResult run_body(const Words& words, const absl::Status& status) {
  const CommandSyntax syntax = {
      .name = "open", .description = "Opens.", .flags = {{.name = "wide", .help = "Widely."}}};
  return result_of([&](const Console& console) {
    return run_with_arguments(syntax, words, console, [&](const Arguments& arguments) {
      console.output << "wide:" << arguments.has("wide");
      return status;
    });
  });
}

TEST(RunWithArguments, CallsTheBodyWithWhatWasParsed) {
  EXPECT_EQ(run_body({"--wide"}, absl::OkStatus()).output, "wide:1");
  EXPECT_EQ(run_body({}, absl::OkStatus()).output, "wide:0");
  EXPECT_EQ(run_body({}, absl::OkStatus()).code, 0);
}

TEST(RunWithArguments, PrintsErrorsWithTheSubcommandsName) {
  const CommandResult failed = run_body({}, absl::NotFoundError("x: no such door; knock."));
  EXPECT_EQ(failed.code, 2);
  EXPECT_EQ(failed.errors, "accelerate open: x: no such door; knock.\n");

  EXPECT_EQ(run_body({}, absl::DataLossError("the door is broken.")).code, 1);

  const CommandResult wrong = run_body({"--wild"}, absl::OkStatus());
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.errors,
            "accelerate open: --wild is not a flag of accelerate open; did you mean --wide?\n");
  EXPECT_THAT(wrong.output, IsEmpty());
}

TEST(RunWithArguments, PrintsTheHelp) {
  const CommandResult result = run_body({"--help"}, absl::InternalError("not called"));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("usage: accelerate open [--wide]"));
}

CommandResult run_house(const Words& words) {
  const CommandSyntax syntax = {.name = "house",
                                .description = "Shows a house.",
                                .flags = {{.name = "wide", .help = "Widely."}}};
  return result_of([&](const Console& console) {
    return run_with_subcommands(syntax, {{"door", "Open the door.", run_echo}}, words, console,
                                [&](const Arguments& arguments) {
                                  console.output << "wide:" << arguments.has("wide");
                                  return absl::OkStatus();
                                });
  });
}

TEST(RunWithSubcommands, RunsTheOneThatTheFirstWordNames) {
  EXPECT_EQ(run_house({"door", "--help", "--wide"}).output, "echo:--help,--wide");
  EXPECT_EQ(run_house({"door"}).code, 42);
  EXPECT_EQ(run_house({"--wide"}).output, "wide:1");
  EXPECT_EQ(run_house({}).output, "wide:0");
}

TEST(RunWithSubcommands, NamesTheNearestOneInOneLine) {
  const CommandResult result = run_house({"dor"});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.errors,
            "accelerate house: 'dor' is not a command of accelerate house; did you mean door?\n");
  EXPECT_EQ(run_house({"--wide", "door"}).errors,
            "accelerate house: door must come first; write accelerate house door and then the "
            "rest.\n");
}

TEST(RunWithSubcommands, ListsThemInTheHelp) {
  EXPECT_THAT(run_house({"--help"}).output,
              HasSubstr("\n\nCommands, each with its own --help:\n"
                        "  door                        Open the door.\n"));
}

}  // namespace
}  // namespace accelerate::launcher
