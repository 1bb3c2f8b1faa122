#include "launcher/plan/mpirun.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/env/variable_names.h"
#include "launcher/plan/program_variables.h"

namespace accelerate::launcher {
namespace {

LaunchPlan plan_of_mpirun(LaunchPlan plan, const MpirunOptions& options) {
  if (plan.is_multi_process() && !options.finds_main) {
    const int port = plan.main_process_port == 0 ? options.port : plan.main_process_port;
    plan.environment[kMainAddressVariable] = plan.main_process_ip;
    plan.environment[kMainPortVariable] = absl::StrCat(port);
  }
  if (plan.is_multi_process()) {
    // It would tie the threads of all processes of a host to the same cores.
    plan.environment[kKmpAffinityVariable] = std::nullopt;
  }
  plan.num_processes = 1;
  plan.num_machines = 1;
  plan.ranks = std::nullopt;
  plan.needs_rank = false;
  plan.cpu_sets.clear();
  return plan;
}

void append_processes(const LaunchPlan& plan, const MpirunOptions& options,
                      std::vector<std::string>& argv) {
  const std::string per_host = absl::StrCat(plan.num_processes);
  const std::string all = absl::StrCat(plan.world_size());
  argv.insert(argv.end(), {options.is_open_mpi ? "--hostfile" : "-f", options.hostfile});
  if (options.host_slots.empty()) {
    argv.insert(argv.end(), {options.is_open_mpi ? "--npernode" : "-ppn", per_host});
  }
  argv.insert(argv.end(), {"-n", all});
  if (options.is_open_mpi) argv.insert(argv.end(), {"--bind-to", "socket"});
}

}  // namespace

MpirunLaunch launch_through_mpirun(const LaunchPlan& plan, const Command& command,
                                   const MpirunOptions& options) {
  MpirunLaunch launch = {.plan = plan_of_mpirun(plan, options),
                         .command = {.kind = ProgramKind::kMpirun},
                         .host_slots = options.host_slots};
  std::vector<std::string>& argv = launch.command.argv;
  argv.push_back(options.program);
  append_processes(plan, options, argv);
  if (options.is_open_mpi) {
    for (const auto& [name, value] : program_variables(launch.plan, launch.command, {}, {})) {
      if (!value.has_value()) continue;
      argv.push_back("-x");
      argv.push_back(options.writes_values ? absl::StrCat(name, "=", *value) : name);
    }
  }
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  return launch;
}

std::string describe_mpirun(const LaunchPlan& plan, const MpirunLaunch& launch) {
  std::string text = absl::StrCat("mpirun starts ", plan.world_size(),
                                  plan.is_multi_process() ? " processes" : " process");
  if (!launch.host_slots.empty()) {
    absl::StrAppend(&text, ", ", absl::StrJoin(launch.host_slots, ", "),
                    " on the hosts in their order");
  } else if (plan.num_machines > 1) {
    absl::StrAppend(&text, ", ", plan.num_processes, " on each of ", plan.num_machines, " hosts");
  }
  const auto port = launch.plan.environment.find(kMainPortVariable);
  if (port != launch.plan.environment.end()) {
    absl::StrAppend(&text, ", which meet at ", plan.main_process_ip, " port ", *port->second,
                    plan.main_process_port == 0 ? " (a different one in each run)" : "");
  }
  absl::StrAppend(&text, "\n\ncommand: ", to_string(launch.command), "\n");
  for (const auto& [name, value] : program_variables(launch.plan, launch.command, {}, {})) {
    absl::StrAppend(&text, "  ", name, value.has_value() ? absl::StrCat("=", *value) : " is unset",
                    "\n");
  }
  return text;
}

}  // namespace accelerate::launcher
