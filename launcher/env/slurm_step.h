// The place of this process among the tasks that one `srun` started.
//
// Example:
//   absl::StatusOr<std::optional<SlurmStep>> step = read_slurm_step();
//   if (step.ok() && step->has_value()) std::cout << "task " << (*step)->task << "\n";
//
// Not for the shell of an sbatch script or of salloc: SLURM sets SLURM_PROCID there too, but the
// shell is not a task of a step.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/meeting_place.h"

namespace accelerate::launcher {

struct SlurmStep {
  int task = 0;  // Among all tasks of the step, from 0.
  int num_tasks = 1;
  int local_task = 0;  // Among those of this node, from 0.
  int num_local_tasks = 1;
  int num_nodes = 1;
  // The first node of the step, where task 0 is: its name, or 127.0.0.1 if it is the only one. The
  // port is job_port() of the job's and the step's numbers.
  MeetingPlace main;

  bool operator==(const SlurmStep&) const = default;
};

// Reads SLURM_STEP_ID, SLURM_STEP_NUM_TASKS, SLURM_PROCID, SLURM_LOCALID, SLURM_NODEID,
// SLURM_STEP_TASKS_PER_NODE, SLURM_STEP_NUM_NODES, SLURM_STEP_NODELIST and SLURM_JOB_ID. No value
// if this is not a step that runs a program: SLURM also gives batch scripts, interactive shells and
// processes adopted by pam_slurm_adopt a step, with names or with numbers near 2^32.
//
// InvalidArgument names the variable that is missing or has a bad value. Safe from several threads
// as long as none writes the environment.
absl::StatusOr<std::optional<SlurmStep>> read_slurm_step(
    const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
