// A program that launches another, to be run by the supervisor's tests: `launching_program [launch
// flags] [cpus=LIST] [takes_store_socket=1] PROGRAM [ARGUMENT...]`. A PROGRAM that ends with .py is
// a Python script.

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/request/flags.h"
#include "launcher/supervisor/supervisor.h"

namespace accelerate::launcher {
namespace {

// Makes the next word the program.
void shift(ProgramRequest& request) {
  request.program = request.arguments.at(0);
  request.arguments.erase(request.arguments.begin());
}

int run(const std::vector<std::string>& words) {
  LaunchRequest request = *parse_launch_command(words);
  LaunchPlan plan = *make_launch_plan(request, ProgramOrigin::kElsewhere, {.num_cores = 8});
  ProgramRequest& program = request.program;
  for (; absl::StartsWith(program.program, "cpus="); shift(program)) {
    plan.cpu_sets.push_back(parse_cpu_list(program.program.substr(5)));
  }
  plan.restart_pause = std::chrono::milliseconds(0);
  const bool takes_store_socket = program.program == "takes_store_socket=1";
  if (takes_store_socket) shift(program);
  Command command = *make_command(program, process_environment);
  command.takes_store_socket = takes_store_socket;
  return supervise_program(plan, command);
}

}  // namespace
}  // namespace accelerate::launcher

int main(int argc, char** argv) { return accelerate::launcher::run({argv + 1, argv + argc}); }
