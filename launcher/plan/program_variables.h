// The environment that a plan gives to a program that was written for another launcher: for the
// `accelerate launch` of Python, or for torchrun.
//
// Example:
//   const EnvironmentChanges variables =
//       program_variables(plan, command, {.local_rank = 1}, {.port = 29500});
//
// Not for workers that are forked from a program built here, which need fewer: worker_variables().
#pragma once

#include "launcher/env/environment.h"
#include "launcher/plan/command.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/worker_variables.h"

namespace accelerate::launcher {

// Whether the processes need a rendezvous. A Python program that runs alone does not, unless
// plan.needs_rank is set, and gets no rank, with which it would believe that it is one of several.
// Other programs always get a rank, because a program built here without one launches itself.
bool needs_rendezvous(const LaunchPlan& plan, const Command& command);

// The variables of one process of `command`:
// - ACCELERATE_USE_CPU, ACCELERATE_MIXED_PRECISION, OMP_NUM_THREADS, on GPUs
//   ACCELERATE_CPU_AFFINITY if the plan binds processes to cores, and on the CPU KMP_BLOCKTIME
//   and KMP_AFFINITY if the user has not set them; KMP_AFFINITY not if several processes share
//   cores, because it would tie the threads of all to the same ones;
// - if it needs a rendezvous, also those of worker_variables(), and what torchrun sets: the role,
//   the group, the restarts, the run's id;
// - those of plan.environment.
//
// `store` is only used for a rendezvous. `lookup` reads the user's environment.
EnvironmentChanges program_variables(const LaunchPlan& plan, const Command& command,
                                     const WorkerPlace& place, const StoreEndpoint& store,
                                     const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
