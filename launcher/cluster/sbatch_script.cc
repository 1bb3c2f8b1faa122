#include "absl/strings/str_cat.h"
#include "launcher/cluster/job_template.h"
#include "launcher/names/command_name.h"

namespace accelerate::launcher {
namespace {

std::string exports(const EnvironmentChanges& variables) {
  std::string text;
  for (const auto& [name, value] : variables) {
    if (!value.has_value()) continue;
    absl::StrAppend(&text, "export ", name, "=", to_string(Command{.argv = {*value}}), "\n");
  }
  return text.empty() ? text : absl::StrCat(text, "\n");
}

}  // namespace

std::string sbatch_script(const TemplateJob& job) {
  const LaunchPlan& plan = job.plan;
  const std::string gpus = plan.device == DeviceKind::kGpu
                               ? absl::StrCat("#SBATCH --gpus-per-node=", plan.num_processes, "\n")
                               : "";
  return absl::StrCat(
      "#!/bin/bash\n"
      "# Made by `",
      command_name(),
      " launch --print slurm`. Submit it with `sbatch FILE`.\n"
      "#SBATCH --job-name=",
      job.name,
      "\n"
      "#SBATCH --nodes=",
      plan.num_machines,
      "\n"
      "# One launcher on each node, which starts the processes there.\n"
      "#SBATCH --ntasks-per-node=1\n"
      "# The cores of a node, for all its processes together.\n"
      "#SBATCH --cpus-per-task=",
      plan.num_processes * plan.threads_per_process, "\n", gpus,
      "#SBATCH --time=01:00:00\n"
      "#SBATCH --output=%x-%j.out\n"
      "# A warning two minutes before the time is over, so that programs can save what they have.\n"
      "# It does not end programs that ignore it.\n"
      "#SBATCH --signal=USR1@120\n"
      "\n",
      exports(job.variables),
      "# SLURM tells each launcher its number, how many there are, and where to meet.\n"
      "srun --cpus-per-task=\"$SLURM_CPUS_PER_TASK\" ",
      to_string(Command{.argv = job.launch}), "\n");
}

}  // namespace accelerate::launcher
