// What a run on this machine consists of, decided before anything starts.
//
// Example:
//   absl::StatusOr<LaunchPlan> plan =
//       make_launch_plan(request, ProgramOrigin::kHere, read_machine_for(request));
//   if (!plan.ok()) return fail(plan.status());
//   if (!plan->needs_supervisor()) return train();
//   return supervise(*plan, train);  // supervisor.h
//
// Not for a process that has a rank already: read_worker_environment() tells, and such a one plans
// nothing.
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

// Which of all ranks are a machine's.
struct Ranks {
  int first = 0;
  int world_size = 1;

  bool operator==(const Ranks&) const = default;
};

// A value: who runs with what.
struct LaunchPlan {
  int num_processes = 1;  // Of this machine. On GPUs, process i has the i-th visible one.
  int num_machines = 1;
  int machine_rank = 0;
  // Other machines may have other numbers of processes. Otherwise each has as many, and machine i
  // the i-th part of the ranks.
  bool counts_own_processes = false;
  std::optional<Ranks> ranks = std::nullopt;  // As the machines have agreed when they met.
  bool is_numbered_by_arrival = false;        // The machines get their ranks when they meet.
  // Nothing where the program is to take its own, or where `environment` tells of fp8.
  std::optional<MixedPrecision> mixed_precision = MixedPrecision::kNo;
  // What a program built here cuts; nothing where that is the program's, which is no sharding
  // unless it was built for one. Python programs find it in `environment`.
  std::optional<Sharding> sharding = std::nullopt;
  DeviceKind device = DeviceKind::kCpu;
  std::string main_process_ip = "127.0.0.1";  // The machine with rank 0.
  // Where the rendezvous store of one machine listens, 0 at any free port; where several machines
  // meet.
  int main_process_port = 0;
  RendezvousSettings rendezvous = {};  // How several machines wait for each other.
  int threads_per_process = 1;
  std::vector<CpuSet> cpu_sets = {};  // Where each process runs, from rank 0; anywhere if empty.
  int max_restarts = 0;               // How often all processes start again when one has failed.
  // From a worker's being told to stop to its being killed.
  std::chrono::milliseconds grace_period = std::chrono::seconds(30);
  // How long a process waits for others in a collective until it is reported where each of them is;
  // 0 where it never is.
  std::chrono::milliseconds hang_timeout = std::chrono::minutes(5);
  std::chrono::milliseconds restart_pause{100};  // Before the first restart; see restart_pause.h.
  std::string role = "default";                  // What the processes are called together.
  // Tells this run from others: in the names of its logs, and where several machines meet.
  std::string run_id = "none";
  // The program's own, by which machines without such an id know that it is one run.
  std::vector<std::string> arguments = {};
  bool quiet = false;  // Does without the report of how a failed process ended.
  OutputPlan output = {};
  // Whether a Python program gets a rank even where it runs alone, as FSDP and its like want one.
  bool needs_rank = false;
  // What else each process finds in its environment; wins over what the rest of the plan says.
  EnvironmentChanges environment = {};
  // What somebody should be told who starts or reads this, a line each.
  std::vector<std::string> remarks = {};

  // Of the job and of a process of this machine. Before several machines have met, what they are
  // where all have as many processes; see knows_ranks().
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
  // Whether a process must be there to watch the others; otherwise a program runs by itself.
  bool needs_supervisor() const {
    return is_multi_process() || max_restarts > 0 || !output.log_dir.empty();
  }

  bool operator==(const LaunchPlan&) const = default;
};

// For people: "2 processes on the CPU with 4 threads each, mixed precision bf16, any free port".
std::string to_string(const LaunchPlan& plan);

// The machine as the processes will see it: with the GPUs that `request` leaves visible, which are
// none where it wants the CPU.
Machine read_machine_for(const LaunchRequest& request);

// Decides what a complete request (complete_request.h) leaves open, from what the machine has:
// - precision: no, or for a program built here its own;
// - sharding of a program built here: the program's own;
// - device: the CPU where that was asked for or there is no GPU, otherwise GPUs;
// - processes: one for each GPU, one on the CPU; one where a file says `distributed_type: NO`. Of
//   several machines each counts its own then. More than 32 for each core (512 in any case) or one
//   for each 16 MiB of memory (64 in any case) are refused, unless the request oversubscribes the
//   machine;
// - port: any free one, or for several machines 29500;
// - threads: this machine's cores divided among the processes on the CPU, at least 1; on GPUs 1 for
//   programs from elsewhere, as the `accelerate launch` of Python has it.
//
// A request for a dry run gets its plan also where this machine lacks the GPUs, with a remark.
// InvalidArgument, FailedPrecondition or Unimplemented says what is wrong, not there or not
// supported, and what to do. `lookup` tells what the launcher's user has set. Thread-safe.
absl::StatusOr<LaunchPlan> make_launch_plan(const LaunchRequest& request, ProgramOrigin origin,
                                            const Machine& machine,
                                            const EnvironmentLookup& lookup = process_environment);

// Binds each process of `plan` to its share of `cores`, and starts no more threads there than it
// has logical CPUs.
void bind_to_cores(const std::vector<CpuCore>& cores, LaunchPlan& plan);

}  // namespace accelerate::launcher
