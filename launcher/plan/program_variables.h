// The environment that a plan gives to a program that was written for another launcher: for the
// `accelerate launch` of Python, or for torchrun.
//
// Example:
//   const EnvironmentChanges variables =
//       program_variables(plan, command, {.local_rank = 1}, {.port = 29500});
//
// Not for workers that are forked from a program of ours, which look for less: worker_variables().
#pragma once

#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/worker_variables.h"

namespace accelerate::launcher {

// Whether the processes look for each other. A Python program that runs alone does not, unless
// plan.needs_rank, and is given no rank: it would take itself for one of several. Any other is
// given one even then, because a program of ours that has none launches itself.
bool needs_rendezvous(const LaunchPlan& plan, const Command& command);

// The variables of one process of `command`:
// - ACCELERATE_USE_CPU, ACCELERATE_MIXED_PRECISION, OMP_NUM_THREADS, on GPUs
//   ACCELERATE_CPU_AFFINITY where the plan binds processes to cores, and on the CPU KMP_BLOCKTIME
//   and KMP_AFFINITY where the user has not set them; the last not where several processes share
//   cores, whose threads it would all tie to the same ones;
// - where it needs a rendezvous also those of worker_variables(), and what torchrun sets: the
//   role, the group, the restarts, the run's id;
// - those of plan.environment.
// `store` matters to a rendezvous alone. `lookup` tells what the launcher's user has set.
EnvironmentChanges program_variables(const LaunchPlan& plan, const Command& command,
                                     const WorkerPlace& place, const StoreEndpoint& store,
                                     const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
