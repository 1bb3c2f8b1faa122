#include "launcher/cluster/job_template.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/variable_names.h"
#include "launcher/names/command_name.h"
#include "launcher/plan/machine.h"
#include "launcher/plan/mpirun.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/request/flag_table.h"
#include "launcher/request/program_origin.h"

namespace accelerate::launcher {
namespace {

Machine imagined_machine(const LaunchRequest& request, int num_gpus) {
  const LaunchConfig& config = request.config;
  const int num_machines = config.num_machines.value_or(1);
  const int wanted = request.processes_per_machine.value_or(
      config.num_processes.value_or(num_machines) / num_machines);
  // Nobody knows how many GPUs are meant.
  const bool is_open = !config.num_processes.has_value() &&
                       !request.processes_per_machine.has_value() &&
                       config.distributed_type == DistributedType::kMultiGpu && !config.wants_cpu();
  if (is_open) return {.num_gpus = num_gpus};
  return {.num_gpus = config.wants_cpu() ? 0 : std::max({num_gpus, wanted, 1}),
          .num_cores = std::max(wanted, 1)};
}

// Letters, digits and hyphens, from a letter on, no more than 40: a scheduler adds to it.
std::string job_name(const std::string& program) {
  std::string name;
  for (const char character : std::filesystem::path(program).stem().string()) {
    const auto byte = static_cast<unsigned char>(character);
    if (name.empty() && !absl::ascii_isalpha(byte)) continue;
    name += absl::ascii_isalnum(byte) ? absl::ascii_tolower(byte) : '-';
  }
  name = name.substr(0, 40);
  name.erase(name.find_last_not_of('-') + 1);
  return name.empty() ? "train" : name;
}

std::vector<std::string> launch_words(const LaunchRequest& request, const LaunchPlan& plan) {
  std::vector<std::string> words = {command_name(), "launch",
                                    absl::StrCat("--num_processes=", plan.world_size())};
  const auto add = [&words](const std::string& flag, const std::string& value) {
    words.push_back(absl::StrCat("--", flag, "=", value));
  };
  if (request.threads_per_process.has_value()) {
    add("num_cpu_threads_per_process", absl::StrCat(*request.threads_per_process));
  }
  if (request.oversubscribe) words.push_back("--oversubscribe");
  if (request.config.enable_cpu_affinity.value_or(false)) words.push_back("--enable_cpu_affinity");
  if (plan.max_restarts > 0) add("max_restarts", absl::StrCat(plan.max_restarts));
  if (request.grace_period != LaunchRequest().grace_period) {
    add("grace_period", absl::StrCat(request.grace_period.count()));
  }
  if (request.hang_timeout != LaunchRequest().hang_timeout) {
    add("hang_timeout", absl::StrCat(request.hang_timeout.count()));
  }
  if (!plan.output.log_dir.empty()) add("log_dir", plan.output.log_dir);
  if (plan.role != LaunchPlan().role) add("role", plan.role);
  if (plan.quiet) words.push_back("--quiet");
  // A launcher gives these variables its own values.
  for (const LaunchFlag& flag : launch_flags()) {
    const auto* section = std::get_if<ConfigSection LaunchConfig::*>(&flag.target);
    if (section == nullptr ||
        (*section != &LaunchConfig::dynamo_config && *section != &LaunchConfig::fp8_config)) {
      continue;
    }
    const ConfigSection& values = request.config.*(*section);
    const auto found = values.find(flag.name);
    if (found == values.end()) continue;
    if (!flag.value_name.empty())
      add(flag.name, found->second);
    else if (found->second == "true")
      words.push_back(absl::StrCat("--", flag.name));
  }
  const ProgramRequest& program = request.program;
  if (program.module) words.push_back("--module");
  if (program.no_python) words.push_back("--no_python");
  if (!program.python_flags.empty()) add("python_flags", program.python_flags);
  words.push_back("--");
  words.push_back(program.program);
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  return words;
}

EnvironmentChanges launch_variables(const LaunchPlan& plan) {
  EnvironmentChanges variables = plan.environment;
  // Also on GPUs, which are the default: a config file on the machine of the job may say otherwise.
  variables[kUseCpuVariable] = plan.device == DeviceKind::kCpu ? "True" : "False";
  if (const auto precision = precision_variable(plan)) {
    variables.emplace(kMixedPrecisionVariable, precision);
  }
  return variables;
}

}  // namespace

absl::StatusOr<TemplateJob> make_template_job(const LaunchRequest& request, const Command& command,
                                              int num_gpus, const EnvironmentLookup& lookup) {
  LaunchRequest there = request;
  // Who is which machine, and where they meet, is the scheduler's to tell.
  there.config.machine_rank = 0;
  there.config.main_process_ip = there.config.main_process_ip.value_or("MAIN_HOST");
  const ProgramOrigin origin =
      command.takes_store_socket ? ProgramOrigin::kHere : ProgramOrigin::kElsewhere;
  absl::StatusOr<LaunchPlan> plan =
      make_launch_plan(there, origin, imagined_machine(there, num_gpus), lookup);
  if (!plan.ok()) return plan.status();
  TemplateJob job = {.plan = *std::move(plan), .command = command};
  job.launch = launch_words(request, job.plan);
  job.variables = launch_variables(job.plan);
  job.name = job_name(request.program.program);
  job.finds_main = command.takes_store_socket && !request.config.main_process_ip.has_value();
  return job;
}

std::string mpirun_line(const TemplateJob& job) {
  const MpirunLaunch launch = launch_through_mpirun(
      job.plan, job.command,
      {.hostfile = "hosts", .writes_values = true, .finds_main = job.finds_main});
  return absl::StrCat("# Made by `", command_name(),
                      " launch --print mpi`, for Open MPI. The file `hosts` has a line for\n"
                      "# each host, such as `node-0 slots=",
                      job.plan.num_processes, "`; ",
                      job.finds_main ? "run mpirun on the first one, or pass\n"
                                       "# its name with -x MASTER_ADDR=NAME.\n"
                                     : "MASTER_ADDR is the name of the first one.\n",
                      "# OMP_NUM_THREADS can be the cores of a host, divided by its processes.\n",
                      to_string(launch.command), "\n");
}

std::vector<std::string> left_out_flags(const LaunchRequest& request,
                                        const std::string& scheduler) {
  return ignored_flags(scheduler == "mpi" ? Decider::kPrintedMpirun : Decider::kPrintedJob,
                       request);
}

std::string print_template(const std::string& scheduler, const TemplateJob& job) {
  if (scheduler == "slurm") return sbatch_script(job);
  if (scheduler == "kubernetes") return pytorch_job(job);
  if (scheduler == "jobset") return job_set(job);
  return mpirun_line(job);
}

}  // namespace accelerate::launcher
