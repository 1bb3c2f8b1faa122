#include "launcher/plan/command.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<std::string> nothing(const std::string&) { return std::nullopt; }

Command made(const ProgramRequest& request, const EnvironmentLookup& lookup = nothing) {
  const auto command = make_command(request, lookup);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() ? *command : Command{};
}

std::string error(const ProgramRequest& request) {
  return std::string(make_command(request, nothing).status().message());
}

std::string script(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << "";
  return path;
}

TEST(Command, ExecutesAProgramItself) {
  EXPECT_EQ(made({.program = "./my_model", .arguments = {"--lr=0.1", ""}}),
            (Command{.argv = {"./my_model", "--lr=0.1", ""}}));
  EXPECT_EQ(made({.program = "train.py", .no_python = true}), (Command{.argv = {"train.py"}}));
}

// This test has the mark of such a program itself.
TEST(Command, KnowsAProgramBuiltHereByItsPathOrOnThePath) {
  EXPECT_TRUE(made({.program = "/proc/self/exe"}).takes_store_socket);
  EXPECT_FALSE(made({.program = "/bin/true"}).takes_store_socket);
  const std::string name = "program_built_here";
  const std::string link = testing::TempDir() + "/" + name;
  std::filesystem::create_symlink("/proc/self/exe", link);
  const auto lookup = [](const std::string&) -> std::optional<std::string> {
    return "/no/such/folder:" + testing::TempDir();
  };
  EXPECT_TRUE(made({.program = name}, lookup).takes_store_socket);
  EXPECT_FALSE(made({.program = name}).takes_store_socket);
}

TEST(Command, RunsAScriptInPython) {
  const std::string path = script("train.py");
  EXPECT_EQ(made({.program = path, .arguments = {"-v"}, .python_flags = " -u  -X dev"}),
            (Command{.kind = ProgramKind::kPythonScript,
                     .argv = {"python3", "-u", "-X", "dev", path, "-v"}}));
}

TEST(Command, RunsAModuleInPython) {
  EXPECT_EQ(made({.program = "package.train", .arguments = {"-v"}, .module = true}),
            (Command{.kind = ProgramKind::kPythonModule,
                     .argv = {"python3", "-m", "package.train", "-v"}}));
}

TEST(Command, TakesTheInterpreterFromTheEnvironment) {
  const auto lookup = [](const std::string& name) -> std::optional<std::string> {
    return name == "PYTHON" ? std::optional<std::string>("/opt/python") : std::nullopt;
  };
  EXPECT_THAT(made({.program = "m", .module = true}, lookup).argv,
              ElementsAre("/opt/python", "-m", "m"));
  EXPECT_THAT(made({.program = "m"}, lookup).argv, ElementsAre("m"));
}

TEST(Command, SaysThatAScriptIsMissing) {
  const auto missing = make_command({.program = "no/train.py"}, nothing);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              AllOf(HasSubstr("cannot read the Python script no/train.py: No such file"),
                    HasSubstr("check the path.")));
}

TEST(Command, RefusesWhatContradictsItself) {
  EXPECT_THAT(error({}), HasSubstr("there is no program to launch"));
  EXPECT_THAT(error({.program = "m", .module = true, .no_python = true}),
              HasSubstr("--module and --no_python cannot be used together"));
  EXPECT_THAT(error({.program = "./my_model", .python_flags = "-u"}),
              AllOf(HasSubstr("--python_flags=-u"), HasSubstr("./my_model is executed directly")));
  EXPECT_THAT(error({.program = "train.py", .no_python = true, .python_flags = "-u"}),
              HasSubstr("or --no_python."));
}

TEST(Command, IsReadableByPeopleAndShells) {
  EXPECT_EQ(to_string(Command{.argv = {"./my_model", "--lr=0.1", "a b", "", "it's", "$HOME"}}),
            R"(./my_model --lr=0.1 'a b' '' 'it'\''s' '$HOME')");
}

}  // namespace
}  // namespace accelerate::launcher
