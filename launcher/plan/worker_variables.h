// The environment that a plan gives to each of its workers.
//
// Example:
//   // In the process that is to become rank 1:
//   apply_environment_changes(worker_variables(plan, {.local_rank = 1}, {.port = 29500}));
//
// Not for reading: a worker uses read_worker_environment() and make_launch_plan().
#pragma once

#include <optional>
#include <string>

#include "launcher/env/environment.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Where the workers of a job meet, as seen from this machine.
struct StoreEndpoint {
  std::string address = "127.0.0.1";
  int port = 0;                                    // The bound one; never 0 when workers run.
  std::optional<int> listening_fd = std::nullopt;  // Only for rank 0.
  std::string secret = "";                         // The workers sign what they write with it.
};

// Which worker, and when.
struct WorkerPlace {
  int local_rank = 0;  // From 0 to plan.num_processes - 1.
  // Where the worker reads the states of the workers of this machine (rank_states.h).
  std::string rank_states = "";
  std::string flight_record = "";  // Where it notes what it does (launcher/flight_record).
  int attempt = 0;                 // How often all processes were restarted before.
  std::string error_file = "";     // For a Python program's last exception; empty for none.
};

// The value of ACCELERATE_MIXED_PRECISION; no value if the program chooses its precision.
std::optional<std::string> precision_variable(const LaunchPlan& plan);

// The variables of one worker: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR,
// MASTER_PORT, ACCELERATE_STORE_FD (rank 0), ACCELERATE_STORE_SECRET, ACCELERATE_RANK_STATES,
// ACCELERATE_FLIGHT_RECORD, ACCELERATE_MIXED_PRECISION, ACCELERATE_USE_CPU (True or False),
// OMP_NUM_THREADS, TORCHELASTIC_RESTART_COUNT, TORCHELASTIC_MAX_RESTARTS, and those of
// plan.environment.
EnvironmentChanges worker_variables(const LaunchPlan& plan, const WorkerPlace& place,
                                    const StoreEndpoint& store);

}  // namespace accelerate::launcher
