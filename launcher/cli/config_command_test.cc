#include "launcher/cli/config_command.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "launcher/cli/config_default_command.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/write_config.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kCpuAnswers = "0\nyes\nno\n";

CommandResult run(const std::vector<std::string>& words, const std::string& answers = "") {
  return result_of([&](const Console& console) { return run_config(words, console); }, answers);
}

// A folder where the default config file is looked for.
std::string make_home() {
  const std::string home = make_folder();
  setenv("HF_HOME", home.c_str(), /*replace=*/1);
  return home;
}

TEST(Config, WritesTheFileThatIsNamed) {
  const std::string folder = make_folder();
  const CommandResult result = run({"--config_file", folder + "/a/cpu.yaml"}, kCpuAnswers);
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.output,
              EndsWith("\naccelerate configuration saved at " + folder + "/a/cpu.yaml\n"));
  EXPECT_EQ(read_text(folder + "/a/cpu.yaml"), read_testdata("reference").at("cpu.yaml"));
  EXPECT_EQ(run({"--config_file", folder + "/cpu.json"}, kCpuAnswers).code, 0);
  EXPECT_THAT(read_text(folder + "/cpu.json"), StartsWith("{\n  \"compute_environment\": "));
}

TEST(Config, WritesTheDefaultFileWhereNoneIsNamed) {
  const std::string home = make_home();
  EXPECT_EQ(run({}, kCpuAnswers).code, 0);
  EXPECT_EQ(read_text(home + "/accelerate/default_config.yaml"),
            read_testdata("reference").at("cpu.yaml"));
}

TEST(Config, AsksBeforeItOverwrites) {
  const std::string path = make_folder() + "/a.yaml";
  for (const std::string& answers : {"\n" + kCpuAnswers, "no\n" + kCpuAnswers}) {
    write_text(path, "old");
    const CommandResult result = run({"--config_file", path}, answers);
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(result.output, "`" + path + "` exists. Overwrite? [yes/NO]: \n");
    EXPECT_EQ(result.errors, "accelerate config: `" + path +
                                 "` is unchanged; name another file with --config_file.\n");
    EXPECT_EQ(read_text(path), "old");
  }
  EXPECT_EQ(run({"--config_file", path}, "yes\n" + kCpuAnswers).code, 0);
  EXPECT_EQ(read_text(path), read_testdata("reference").at("cpu.yaml"));
}

TEST(Config, OverwritesWithoutAskingWhenTold) {
  const std::string path = make_folder() + "/a.yaml";
  write_text(path, "old");
  const CommandResult result = run({"--overwrite", "--config_file", path}, kCpuAnswers);
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.output, Not(HasSubstr("exists")));
  EXPECT_EQ(read_text(path), read_testdata("reference").at("cpu.yaml"));
}

TEST(Config, LeavesAllAsItIsAfterAnError) {
  const std::string folder = make_folder();
  const std::string path = folder + "/a.yaml";
  write_text(path, "old");
  for (const std::string answers :
       {"", "maybe\n", "yes\n", "yes\n7\n", "yes\n0\nyes\n", "\xff\n"}) {
    const CommandResult result = run({"--config_file", path}, answers);
    EXPECT_EQ(result.code, 2) << answers;
    EXPECT_THAT(result.errors, StartsWith("accelerate config: ")) << answers;
    EXPECT_THAT(result.errors, EndsWith(". Nothing was changed.\n")) << answers;
    EXPECT_EQ(read_text(path), "old") << answers;
  }
  EXPECT_EQ(run({"--config_file", folder + "/b.yaml"}, "0\n").code, 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST(Config, LeavesTheOldFileWhenTheDiskIsFull) {
  const std::string path = make_folder() + "/a.yaml";
  write_text(path, "old");
  // What a full disk does, a limit on files does as well.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const CommandResult result = run({"--config_file", path}, "yes\n" + kCpuAnswers);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.errors, HasSubstr("cannot be written: File too large. Nothing was changed"));
  EXPECT_THAT(result.output, Not(HasSubstr("saved")));
  EXPECT_EQ(read_text(path), "old");
}

TEST(Config, RefusesAFolderBeforeItAsks) {
  const std::string folder = make_folder();
  const CommandResult result = run({"--overwrite", "--config_file", folder}, kCpuAnswers);
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.errors,
            "accelerate config: `" + folder +
                "` exists and is not a regular file; name another one with --config_file.\n");
  EXPECT_THAT(result.output, IsEmpty());
}

TEST(Config, NamesTheNearestCommandAndFlag) {
  EXPECT_EQ(run({"defualt"}).errors,
            "accelerate config: 'defualt' is not a command of accelerate config; did you mean "
            "default?\n");
  EXPECT_EQ(run({"--config_fil=a"}).errors,
            "accelerate config: --config_fil is not a flag of accelerate config; did you mean "
            "--config_file?\n");
  EXPECT_EQ(run({"update", "--config_fil=a"}).errors,
            "accelerate config update: --config_fil is not a flag of accelerate config update; did "
            "you mean --config_file?\n");
  EXPECT_THAT(run({"default", "now"}).errors,
              HasSubstr("accelerate config default: \"now\" is one word too many; write "));
}

TEST(Config, HasHelpThatNamesTheFile) {
  const std::string home = make_home();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"default", "--help"}, {"update", "--help"}}) {
    EXPECT_THAT(run(words).output, HasSubstr(" (" + home + "/accelerate/default_config.yaml).\n"));
  }
  EXPECT_THAT(run({"-h"}).output, HasSubstr("\n  default                     Write a config"));
}

TEST(ConfigDefault, FitsTheMachine) {
  const LaunchConfig many = machine_config(8, MixedPrecision::kBf16);
  EXPECT_EQ(many.distributed_type, DistributedType::kMultiGpu);
  EXPECT_EQ(many.num_processes, 8);
  EXPECT_EQ(many.use_cpu, false);
  EXPECT_EQ(many.mixed_precision, MixedPrecision::kBf16);
  const LaunchConfig one = machine_config(1, MixedPrecision::kNo);
  EXPECT_EQ(one.distributed_type, DistributedType::kNo);
  EXPECT_EQ(one.num_processes, 1);
  EXPECT_EQ(one.use_cpu, false);
}

TEST(ConfigDefault, SaysWhatAcceleratesDoesWithoutAGpu) {
  const auto reference = read_testdata("reference");
  EXPECT_EQ(machine_config(0, MixedPrecision::kNo),
            parse_ok(reference.at("default_no.yaml")).config);
  EXPECT_EQ(machine_config(0, MixedPrecision::kBf16),
            parse_ok(reference.at("default_bf16.yaml")).config);
}

TEST(ConfigDefault, WritesTheFormatOfTheName) {
  const std::string home = make_home();
  const std::string path = home + "/accelerate/default_config.yaml";
  const CommandResult result = run({"default"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, "accelerate configuration saved at " + path + "\n");
  EXPECT_THAT(read_text(path), StartsWith("compute_environment: LOCAL_MACHINE\n"));
  EXPECT_EQ(run({"default", "--mixed-precision", "fp16", "--config_file=" + home + "/a.json"}).code,
            0);
  EXPECT_THAT(read_text(home + "/a.json"), HasSubstr("\"mixed_precision\": \"fp16\""));
}

TEST(ConfigDefault, LeavesAFileAsItIs) {
  const std::string path = make_folder() + "/a.yaml";
  write_text(path, "old");
  const CommandResult result = run({"default", "--config_file", path});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, "Configuration already exists at " + path +
                               ", will not override. Run `accelerate config` manually or pass a "
                               "different `--config_file`.\n");
  EXPECT_EQ(read_text(path), "old");
}

TEST(ConfigDefault, RefusesAPrecisionThatIsNone) {
  const std::string path = make_folder() + "/a.yaml";
  for (const std::string precision : {"fp8", "half", ""}) {
    const CommandResult result =
        run({"default", "--config_file", path, "--mixed_precision=" + precision});
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.errors, HasSubstr("choose one of no, fp16, bf16.\n"));
    EXPECT_FALSE(fs::exists(path));
  }
}

TEST(ConfigUpdate, MakesWhatAccelerateMakes) {
  const std::string folder = make_folder();
  const auto updated = read_testdata("updated");
  for (const auto& [name, text] : read_testdata("sparse")) {
    const std::string path = folder + "/" + name;
    write_text(path, text);
    const CommandResult result = run({"update", "--config_file", path});
    EXPECT_EQ(result.code, 0) << result.errors;
    EXPECT_EQ(result.output, "Successfully updated the configuration file at " + path + ".\n");
    EXPECT_EQ(read_text(path), updated.at(name)) << name;
  }
}

TEST(ConfigUpdate, LosesNothingThatAccelerateWrote) {
  const std::string folder = make_folder();
  for (const auto& [name, text] : read_testdata("reference")) {
    const std::string path = folder + "/" + name;
    write_text(path, "# A comment\n" + text);
    if (name.ends_with(".json")) write_text(path, text);
    EXPECT_EQ(run({"update", "--config_file", path}).code, 0) << name;
    // All of them are complete; those of `config default` are JSON whatever their name.
    const bool renamed = text[0] == '{' && !name.ends_with(".json");
    EXPECT_EQ(read_text(path), renamed ? *format_config(parse_ok(text).config, name) : text);
  }
}

TEST(ConfigUpdate, UpdatesTheDefaultFileInItsFormat) {
  const std::string home = make_home();
  EXPECT_THAT(run({"update"}).errors,
              HasSubstr("accelerate config update: The passed configuration file `" + home +
                        "/accelerate/default_config.yaml` does not exist."));
  fs::create_directory(home + "/accelerate");
  const std::string path = home + "/accelerate/default_config.json";
  write_text(path, "{\"distributed_type\": \"NO\"}");
  EXPECT_EQ(run({"update"}).code, 0);
  EXPECT_THAT(read_text(path), StartsWith("{\n  \"compute_environment\": "));
  EXPECT_THAT(run({"update", "--help"}).output, HasSubstr(path));
}

TEST(ConfigUpdate, WarnsOfWhatItLeavesOut) {
  const std::string path = make_folder() + "/a.yaml";
  write_text(path, "distributed_type: 'NO'\ntpu_name: x\n");
  const CommandResult result = run({"update", "--config_file", path});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.errors, StartsWith(path + ":2: `tpu_name`"));
  EXPECT_THAT(result.output, StartsWith("Successfully"));
}

TEST(ConfigUpdate, LeavesABadFileAsItIs) {
  const std::string path = make_folder() + "/a.yaml";
  for (const std::string text :
       {"num_processes: many\n", "no_such_key: 1\n", "", "[1, 2", "\xff"}) {
    write_text(path, text);
    const CommandResult result = run({"update", "--config_file", path});
    EXPECT_EQ(result.code, 2) << text;
    EXPECT_THAT(result.errors, StartsWith("accelerate config update: " + path)) << text;
    EXPECT_THAT(result.output, IsEmpty());
    EXPECT_EQ(read_text(path), text);
  }
}

}  // namespace
}  // namespace accelerate::launcher
