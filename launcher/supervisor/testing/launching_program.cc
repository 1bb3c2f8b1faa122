// A program that launches another, to be run by the supervisor's tests: `launching_program [launch
// flags] [NAME=VALUE...] PROGRAM [ARGUMENT...]`, where the NAMEs are those of the settings below.

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/flags.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/supervisor/supervisor.h"

namespace accelerate::launcher {
namespace {

struct Launch {
  LaunchPlan plan;
  Command command;
  SupervisorOptions options;
};

using Setting = void (*)(Launch& launch, const std::string& value);

const std::map<std::string, Setting>& settings() {
  static const std::map<std::string, Setting> settings = {
      {"grace_ms",
       [](Launch& launch, const std::string& value) {
         launch.options.grace_period = std::chrono::milliseconds(std::stoi(value));
       }},
      {"takes_store_socket",
       [](Launch& launch, const std::string& value) {
         launch.command.takes_store_socket = value == "1";
       }},
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
    if (launch.command.argv.empty() && setting != settings().end()) {
      setting->second(launch, word.substr(equals + 1));
    } else {
      launch.command.argv.push_back(word);
    }
  }
  return supervise_program(launch.plan, launch.command, launch.options);
}

}  // namespace
}  // namespace accelerate::launcher

int main(int argc, char** argv) { return accelerate::launcher::run({argv + 1, argv + argc}); }
