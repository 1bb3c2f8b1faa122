// The files that `accelerate launch --print` prints, for running a plan under a scheduler.
//
// Example:
//   absl::StatusOr<TemplateJob> job = make_template_job(request, command, /*num_gpus=*/0);
//   if (job.ok()) std::cout << print_template("slurm", *job);
//
// Starts nothing, and does not talk to a scheduler.
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
  // `accelerate launch` with the flags for each machine, and the program.
  std::vector<std::string> launch = {};
  // The environment of the launch.
  EnvironmentChanges variables = {};
  // For a scheduler: the program's name as a DNS label.
  std::string name = "train";
  bool finds_main = false;  // No meeting place is set; under mpirun the program finds it.
};

// The plan of a complete request (complete_request.h) for machines that have one core and, unless
// the request asks for the CPU, one GPU for each process. `num_gpus` is the number of GPUs of this
// machine. Errors are those of make_launch_plan().
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

// The given flags that the file for `scheduler` cannot express, as the help writes them.
std::vector<std::string> left_out_flags(const LaunchRequest& request, const std::string& scheduler);

// One of these, by its name for `--print`: slurm, kubernetes, jobset, or otherwise mpi.
std::string print_template(const std::string& scheduler, const TemplateJob& job);

}  // namespace accelerate::launcher
