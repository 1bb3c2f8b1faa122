// The plan of a run on this machine, made before anything starts.
//
// Example:
//   absl::StatusOr<LaunchPlan> plan =
//       make_launch_plan(request, ProgramOrigin::kHere, read_machine_for(request));
//   if (!plan.ok()) return fail(plan.status());
//   if (!plan->needs_supervisor()) return train();
//   return supervise(*plan, train);  // supervisor.h
//
// Not for a process that already has a rank (see read_worker_environment()): it plans nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/sharding.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/plan/machine.h"
#include "launcher/request/launch_request.h"
#include "launcher/request/output_plan.h"
#include "launcher/request/program_origin.h"
#include "launcher/request/rendezvous_settings.h"

namespace accelerate::launcher {

enum class DeviceKind { kCpu, kGpu };

// The ranks of one machine.
struct Ranks {
  int first = 0;
  int world_size = 1;

  bool operator==(const Ranks&) const = default;
};

// A value: which processes run, and with which settings.
struct LaunchPlan {
  int num_processes = 1;  // Of this machine. On GPUs, process i has the i-th visible one.
  int num_machines = 1;
  int machine_rank = 0;
  // Machines may have different numbers of processes. Otherwise all have the same number, and
  // machine i has the i-th part of the ranks.
  bool counts_own_processes = false;
  std::optional<Ranks> ranks = std::nullopt;  // As the machines agreed when they met.
  bool is_numbered_by_arrival = false;        // The machines get their ranks when they meet.
  // No value if the program chooses, or if `environment` asks for fp8.
  std::optional<MixedPrecision> mixed_precision = MixedPrecision::kNo;
  // What a program built here shards; no value if the program chooses (no sharding unless it was
  // built for one). Python programs find it in `environment`.
  std::optional<Sharding> sharding = std::nullopt;
  DeviceKind device = DeviceKind::kCpu;
  std::string main_process_ip = "127.0.0.1";  // The machine with rank 0.
  // For one machine: the port of the rendezvous store, 0 for any free port. For several machines:
  // the port at which they meet.
  int main_process_port = 0;
  RendezvousSettings rendezvous = {};  // How several machines wait for each other.
  int threads_per_process = 1;
  std::vector<CpuSet> cpu_sets = {};  // The CPUs of each process, from rank 0; any if empty.
  int max_restarts = 0;               // How often all processes restart after one fails.
  // The time from SIGTERM to SIGKILL.
  std::chrono::milliseconds grace_period = std::chrono::seconds(30);
  // How long a process may wait for others in a collective before a hang is reported; 0 for never.
  std::chrono::milliseconds hang_timeout = std::chrono::minutes(5);
  std::chrono::milliseconds restart_pause{100};  // Before the first restart; see restart_pause.h.
  std::string role = "default";                  // The role of the processes, as torchrun calls it.
  // Distinguishes this run from others: in the names of its logs, and when several machines meet.
  std::string run_id = "none";
  // The program's arguments. Machines without such an id compare them to recognise each other's
  // run.
  std::vector<std::string> arguments = {};
  bool quiet = false;  // Leaves out the report of how a failed process ended.
  OutputPlan output = {};
  // Whether a Python program gets a rank even if it runs alone, as FSDP and others require.
  bool needs_rank = false;
  // Further variables for each process; they override the rest of the plan.
  EnvironmentChanges environment = {};
  // Remarks for the user, a line each.
  std::vector<std::string> remarks = {};

  // The size of the job, and the rank of a process of this machine. Before several machines have
  // met, these assume that all have the same number of processes; see knows_ranks().
  int world_size() const {
    return ranks.has_value() ? ranks->world_size : num_machines * num_processes;
  }
  int rank_of(int local_rank) const {
    return (ranks.has_value() ? ranks->first : machine_rank * num_processes) + local_rank;
  }
  bool knows_world_size() const { return ranks.has_value() || !counts_own_processes; }
  bool knows_ranks() const {
    const bool is_open = is_numbered_by_arrival || (counts_own_processes && machine_rank > 0);
    return ranks.has_value() || !is_open;
  }
  bool is_multi_process() const { return world_size() > 1; }
  bool is_sharded() const { return sharding.value_or(Sharding::kNone) != Sharding::kNone; }
  // Whether a process must watch the others; otherwise a program runs alone.
  bool needs_supervisor() const {
    return is_multi_process() || max_restarts > 0 || !output.log_dir.empty();
  }

  bool operator==(const LaunchPlan&) const = default;
};

// For people: "2 processes on the CPU with 4 threads each, mixed precision bf16, any free port".
std::string to_string(const LaunchPlan& plan);

// The machine as the processes will see it: with the GPUs that `request` leaves visible, and none
// if it asks for the CPU.
Machine read_machine_for(const LaunchRequest& request);

// Decides what a complete request (complete_request.h) leaves open, from what the machine has:
// - precision: no, or for a program built here the program's choice;
// - sharding of a program built here: the program's choice;
// - device: the CPU if the request asks for it or there is no GPU, otherwise GPUs;
// - processes: one for each GPU, one on the CPU; one if a file says `distributed_type: NO`. Each of
//   several machines then counts its own. It is an error to ask for more than 32 for each core (512
//   in any case) or one for each 16 MiB of memory (64 in any case), unless the request
//   oversubscribes the machine;
// - port: any free one, or for several machines 29500;
// - threads: this machine's cores divided among the processes on the CPU, at least 1; on GPUs 1 for
//   programs from elsewhere, as with Python's `accelerate launch`.
//
// A request for a dry run gets its plan even if this machine lacks the GPUs, with a remark.
// InvalidArgument, FailedPrecondition or Unimplemented says what is wrong, missing or not
// supported, and what to do. `lookup` reads the user's environment. Thread-safe.
absl::StatusOr<LaunchPlan> make_launch_plan(const LaunchRequest& request, ProgramOrigin origin,
                                            const Machine& machine,
                                            const EnvironmentLookup& lookup = process_environment);

// Binds each process of `plan` to its share of `cores`, and starts no more threads there than it
// has logical CPUs.
void bind_to_cores(const std::vector<CpuCore>& cores, LaunchPlan& plan);

}  // namespace accelerate::launcher
