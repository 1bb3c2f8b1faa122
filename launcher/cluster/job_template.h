// Files that a user copies to run a plan under a scheduler: `accelerate launch --print`.
//
// Example:
//   absl::StatusOr<TemplateJob> job = make_template_job(request, command, /*num_gpus=*/0);
//   if (job.ok()) std::cout << print_template("slurm", *job);
//
// Not for starting anything: nothing here talks to a scheduler.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// A plan for machines that are not this one.
struct TemplateJob {
  LaunchPlan plan;
  Command command;
  // `accelerate launch` with what each machine has to be told, and the program.
  std::vector<std::string> launch = {};
  // What the launch finds in its environment.
  EnvironmentChanges variables = {};
  // For a scheduler: of the program's name what is a label of the DNS.
  std::string name = "train";
  bool finds_main = false;  // Nobody said where to meet, and the program finds it under mpirun.
};

// The plan of a complete request (complete_request.h) for machines that have as many GPUs as they
// get processes, unless it wants the CPU, and a core for each. `num_gpus` is how many this machine
// has. Errors are those of make_launch_plan().
absl::StatusOr<TemplateJob> make_template_job(
    const LaunchRequest& request, const Command& command, int num_gpus,
    const EnvironmentLookup& lookup = process_environment);

// A shell script for sbatch.
std::string sbatch_script(const TemplateJob& job);

// A manifest of Kubeflow's training operator.
std::string pytorch_job(const TemplateJob& job);

// A manifest of Kubernetes' JobSet, whose pods find the same variables as those of a PyTorchJob.
std::string job_set(const TemplateJob& job);

// A line for a shell.
std::string mpirun_line(const TemplateJob& job);

// The flags that were given and that none of these can say, or not this one, as the help writes
// them.
std::vector<std::string> left_out_flags(const LaunchRequest& request, const std::string& scheduler);

// One of these by what `--print` calls it: slurm, kubernetes, jobset, or else mpi.
std::string print_template(const std::string& scheduler, const TemplateJob& job);

}  // namespace accelerate::launcher
