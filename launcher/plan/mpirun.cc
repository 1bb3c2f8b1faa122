#include "launcher/plan/mpirun.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"
#include "launcher/env/worker_environment.h"
#include "launcher/plan/program_variables.h"

namespace accelerate::launcher {
namespace {

LaunchPlan plan_of_mpirun(LaunchPlan plan, const MpirunOptions& options) {
  if (plan.is_multi_process() && !options.finds_main) {
    const int port =
        plan.main_process_port == 0 ? WorkerEnvironment().main_port : plan.main_process_port;
    plan.environment[kMainAddressVariable] = plan.main_process_ip;
    plan.environment[kMainPortVariable] = absl::StrCat(port);
  }
  if (plan.is_multi_process()) {
    // It would tie the threads of all processes of a host to the same cores.
    plan.environment[kKmpAffinityVariable] = std::nullopt;
  }
  plan.num_processes = 1;
  plan.num_machines = 1;
  plan.needs_rank = false;
  plan.cpu_sets.clear();
  return plan;
}

void append_processes(const LaunchPlan& plan, const MpirunOptions& options,
                      std::vector<std::string>& argv) {
  const std::string per_host = absl::StrCat(plan.num_processes);
  const std::string all = absl::StrCat(plan.world_size());
  if (options.is_open_mpi) {
    argv.insert(argv.end(), {"--hostfile", options.hostfile, "--npernode", per_host, "-n", all,
                             "--bind-to", "socket"});
  } else {
    argv.insert(argv.end(), {"-f", options.hostfile, "-ppn", per_host, "-n", all});
  }
}

}  // namespace

MpirunLaunch launch_through_mpirun(const LaunchPlan& plan, const Command& command,
                                   const MpirunOptions& options) {
  MpirunLaunch launch = {plan_of_mpirun(plan, options), {.kind = ProgramKind::kMpirun}};
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

}  // namespace accelerate::launcher
