// The environment that a plan gives to each of its workers.
//
// Example:
//   // In the process that is to become rank 1:
//   apply_environment_changes(worker_variables(plan, 1, {.port = 29500}));
//
// Not for reading: a worker has read_worker_environment() and make_launch_plan() for that.
#pragma once

#include <optional>
#include <string>

#include "launcher/env/environment.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Where the workers of a job meet.
struct StoreEndpoint {
  std::string address = "127.0.0.1";
  int port = 0;                                    // The one that is bound, never 0 in use.
  std::optional<int> listening_fd = std::nullopt;  // Goes to rank 0 alone.
};

// The variables of worker `rank`, from 0 to plan.num_processes - 1, all of them on this machine:
// RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT, ACCELERATE_STORE_FD
// (rank 0), ACCELERATE_MIXED_PRECISION, ACCELERATE_USE_CPU (True or False), OMP_NUM_THREADS.
EnvironmentChanges worker_variables(const LaunchPlan& plan, int rank, const StoreEndpoint& store);

}  // namespace accelerate::launcher
