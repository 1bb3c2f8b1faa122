// What a run on this machine consists of, decided before anything starts.
//
// Example:
//   absl::StatusOr<LaunchPlan> plan =
//       make_launch_plan(line.flags, process_environment, read_machine());
//   if (!plan.ok()) return fail(plan.status());
//   if (!plan->is_multi_process()) return train();
//   return supervise(*plan, train);
//
// Not for a process that has a rank already: read_worker_environment() tells, and such a one plans
// nothing.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/plan/flags.h"
#include "launcher/plan/machine.h"
#include "launcher/plan/output_plan.h"

namespace accelerate::launcher {

enum class DeviceKind { kCpu, kGpu };

// A value: who runs with what.
struct LaunchPlan {
  int num_processes = 1;  // On GPUs, process i has the i-th visible one.
  MixedPrecision mixed_precision = MixedPrecision::kNo;
  DeviceKind device = DeviceKind::kCpu;
  int main_process_port = 0;  // Where the rendezvous store listens; 0 is any free port.
  int threads_per_process = 1;
  std::vector<CpuSet> cpu_sets = {};  // Where each process runs, from rank 0; anywhere if empty.
  int max_restarts = 0;               // How often all processes start again when one has failed.
  std::string role = "default";       // What the processes are called together.
  std::string run_id = "none";        // Tells this run from others in the names of its logs.
  OutputPlan output = {};
  // What else each process finds in its environment; wins over what the rest of the plan says.
  EnvironmentChanges environment = {};

  bool is_multi_process() const { return num_processes > 1; }

  bool operator==(const LaunchPlan&) const = default;
};

// For people: "2 processes on the CPU with 4 threads each, mixed precision bf16, any free port".
std::string to_string(const LaunchPlan& plan);

// Decides from the flags, then the environment, then what the machine has:
// - precision: the flag, ACCELERATE_MIXED_PRECISION, MIXED_PRECISION, no;
// - device: the CPU where a flag or ACCELERATE_USE_CPU says so or there is no GPU, otherwise GPUs;
// - processes: the flag, one for each visible GPU, one on the CPU;
// - threads: OMP_NUM_THREADS, or this process's cores divided among the processes, at least 1.
// Whatever else a plan has keeps its default, for the caller to set.
//
// InvalidArgument or FailedPrecondition says which of them is wrong or asks for what is not there,
// and what to do. Thread-safe where `lookup` is.
absl::StatusOr<LaunchPlan> make_launch_plan(const LaunchFlags& flags,
                                            const EnvironmentLookup& lookup,
                                            const Machine& machine);

// Binds each process of `plan` to its share of `cores`, and starts no more threads there than it
// has logical CPUs.
void bind_to_cores(const std::vector<CpuCore>& cores, LaunchPlan& plan);

}  // namespace accelerate::launcher
