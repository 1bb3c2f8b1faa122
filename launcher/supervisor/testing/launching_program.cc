// A program that launches another, to be run by the supervisor's tests: `launching_program [launch
// flags] [NAME=VALUE...] PROGRAM [ARGUMENT...]`, where the NAMEs are those of the settings below.
// A PROGRAM that ends with .py is a Python script.

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/plan/flags.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/output_plan.h"
#include "launcher/supervisor/supervisor.h"

namespace accelerate::launcher {
namespace {

struct Launch {
  LaunchPlan plan;
  ProgramRequest request;
  bool takes_store_socket = false;
  SupervisorOptions options;
};

using Setting = void (*)(Launch& launch, const std::string& value);

const std::map<std::string, Setting>& settings() {
  static const std::map<std::string, Setting> settings = {
      {"grace_ms",
       [](Launch& launch, const std::string& value) {
         launch.options.grace_period = std::chrono::milliseconds(std::stoi(value));
       }},
      {"bound",
       [](Launch& launch, const std::string&) { bind_to_cores(read_cpu_cores(), launch.plan); }},
      {"cpus",
       [](Launch& launch, const std::string& value) {
         launch.plan.cpu_sets.push_back(parse_cpu_list(value));
       }},
      {"log_dir",
       [](Launch& launch, const std::string& value) { launch.plan.output.log_dir = value; }},
      {"tee", [](Launch& launch,
                 const std::string& value) { launch.plan.output.tee = *parse_tee(value); }},
      {"max_restarts",
       [](Launch& launch, const std::string& value) {
         launch.plan.max_restarts = std::stoi(value);
       }},
      {"role", [](Launch& launch, const std::string& value) { launch.plan.role = value; }},
      {"takes_store_socket",
       [](Launch& launch, const std::string& value) { launch.takes_store_socket = value == "1"; }},
  };
  return settings;
}

int run(const std::vector<std::string>& arguments) {
  const ParsedCommandLine line = *parse_launch_flags(arguments);
  Launch launch;
  launch.plan = *make_launch_plan(line.flags, process_environment, {.num_cores = 8});
  for (const std::string& word : line.program_arguments) {
    const std::size_t equals = word.find('=');
    const auto setting = settings().find(word.substr(0, equals));
    if (!launch.request.program.empty()) {
      launch.request.arguments.push_back(word);
    } else if (setting != settings().end()) {
      setting->second(launch, word.substr(equals + 1));
    } else {
      launch.request.program = word;
    }
  }
  Command command = *make_command(launch.request, process_environment);
  command.takes_store_socket = launch.takes_store_socket;
  return supervise_program(launch.plan, command, launch.options);
}

}  // namespace
}  // namespace accelerate::launcher

int main(int argc, char** argv) { return accelerate::launcher::run({argv + 1, argv + argc}); }
