#include "launcher/cli/test_command.h"

#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "launcher/cli/arguments.h"
#include "launcher/cli/launch_command.h"
#include "launcher/cli/self_test_program.h"
#include "launcher/env/environment.h"
#include "launcher/names/command_name.h"
#include "launcher/plan/machine.h"
#include "launcher/request/complete_request.h"
#include "launcher/request/flags.h"
#include "launcher/request/launch_request.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

// For the help alone: parse_launch_command() reads the flags.
const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "test",
      .description = absl::StrCat(
          "Checks that processes find one another on this machine, that collectives and shards of "
          "data are right, and that training gives the right result in each precision. Prints a "
          "line for each check, and fails if one fails. Takes all flags of ",
          command_name(), " launch, such as:"),
      .flags = {
          {.name = "config_file",
           .value_name = "FILE",
           .help = "The config file of the launch to test (the default one, if there is one)."},
          {.name = "num_processes",
           .value_name = "N",
           .help = "Number of processes; 2 on a machine without GPUs and without a config file."},
          {.name = "cpu", .help = "Use neither GPUs nor the default config file."}}};
  return syntax;
}

// A launch that nobody describes has one process on the CPU, and one meets nobody.
bool needs_second_process(const LaunchRequest& request) {
  const bool on_cpu = request.is_cpu_typed || read_machine().num_gpus == 0;
  return on_cpu && !request.config.num_processes.has_value() &&
         !request.processes_per_machine.has_value() &&
         !find_config(request, process_environment).has_value();
}

std::filesystem::path own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

}  // namespace

int run_test(const std::vector<std::string>& words, const Console& console) {
  const auto fail = [&console](int code, absl::string_view message) {
    console.errors << command_name() << " test: " << plain_lines(message) << "\n";
    return code;
  };
  const absl::StatusOr<LaunchRequest> request = parse_launch_command(words);
  if (!request.ok()) return fail(kUsageError, request.status().message());
  if (request->help) {
    console.output << syntax_help(syntax());
    return kSuccess;
  }
  if (const std::string& word = request->program.program; !word.empty()) {
    return fail(kUsageError,
                absl::StrCat("\"", word,
                             "\" is one word too many, because the test is a program of "
                             "its own; to run another one, write ",
                             command_name(), " launch."));
  }
  const absl::StatusOr<std::string> program = find_self_test_program(own_folder());
  if (!program.ok()) return fail(kFailure, program.status().message());

  std::vector<std::string> launch = words;
  if (needs_second_process(*request)) launch.insert(launch.begin(), "--num_processes=2");
  launch.push_back(*program);
  const int code = run_launch_of_own_program(launch, console);
  if (code != kSuccess) {
    return fail(
        code, absl::StrCat("the test failed with exit code ", code,
                           "; the lines marked FAILED, or the errors above, say what to look at."));
  }
  if (!request->dry_run && !request->print.has_value()) {
    console.output << "Test is a success! You are ready for your distributed training!\n";
  }
  return kSuccess;
}

}  // namespace accelerate::launcher
