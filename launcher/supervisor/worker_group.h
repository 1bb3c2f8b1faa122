// The workers of one machine from their start to the end of the last one.
//
// Example:
//   WorkerGroup group({.grace_period = std::chrono::seconds(5)}, signals, adoption, *watchdog,
//                     *std::move(rank_states), FlightReporter({}), /*link=*/nullptr);
//   absl::StatusOr<GroupEnd> end = group.run(std::move(socket), setups, worker);
//   if (end.ok() && end->is_well()) return 0;
//
// Not for launching: supervise() (supervisor.h) decides what follows when a group has failed.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/rank_states.h"
#include "launcher/plan/cpu_set.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/posix/signal_scope.h"
#include "launcher/posix/worker_end.h"
#include "launcher/rendezvous/job_link.h"
#include "launcher/supervisor/adoption.h"
#include "launcher/supervisor/flight_reporter.h"
#include "launcher/supervisor/group_end.h"
#include "launcher/supervisor/output_relay.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_streams.h"

namespace accelerate::launcher {

struct WorkerSetup {
  EnvironmentChanges variables = {};
  CpuSet cpus = {};  // The CPUs it runs on; any if empty.
  OutputRoute standard_output = {};
  OutputRoute standard_error = {};
};

struct WorkerGroupOptions {
  std::chrono::milliseconds grace_period{0};  // From being told to stop to being killed.
  int first_rank = 0;                         // This machine's first rank in the job.
  // Why a worker that failed could not start its program; OK if it could.
  std::function<absl::Status()> start_failure = [] { return absl::OkStatus(); };
};

// Not thread-safe; runs once.
class WorkerGroup {
 public:
  // The references and `link` must outlive the group; each group needs its own watchdog. `link` is
  // null if the job has no other machine. The workers read in `rank_states` how far the others are,
  // and note what they do in the record of `flight_reporter`, which reports when they hang.
  WorkerGroup(WorkerGroupOptions options, SignalScope& signals, const Adoption& adoption,
              Watchdog& watchdog, RankStates rank_states, FlightReporter flight_reporter,
              JobLink* link)
      : options_(std::move(options)),
        signals_(signals),
        adoption_(adoption),
        watchdog_(watchdog),
        rank_states_(std::move(rank_states)),
        flight_reporter_(std::move(flight_reporter)),
        link_(link) {}

  // Forks a worker for each of `setups`, from rank 0 on, which exits with what `worker` returns.
  // Waits until all have ended, nothing that they started is left, and what they wrote has been
  // read. Only rank 0 inherits `store_socket`. Reports a failure here to the other machines at
  // once; a failure there stops the workers here. An error if not all could be started; then none
  // runs.
  absl::StatusOr<GroupEnd> run(FileDescriptor store_socket, const std::vector<WorkerSetup>& setups,
                               const std::function<int()>& worker);

  // Writes the caller's lines to standard error, after what the workers wrote. If nobody reads
  // them, they are lost after a moment.
  void print(std::string_view lines);

 private:
  using Clock = std::chrono::steady_clock;

  struct Worker {
    pid_t pid = 0;  // Also the number of its process group.
    // How it ended. It is reaped only when all have ended: while it is a zombie, no other process
    // or group gets its number, so a signal to the group hits nobody else.
    std::optional<WorkerEnd> end = std::nullopt;
    bool is_beyond_reach = false;  // It runs as another user, so it cannot be stopped.
  };

  bool has_gone(const Worker& worker) const;
  absl::Status start_worker(const WorkerSetup& setup, const std::function<int()>& worker);
  void wait_and_handle();
  int poll_timeout() const;
  void hear_signals();
  void end_for(int signal);
  void suspend();
  void collect_ends();
  int likely_cause() const;
  bool may_be_a_victim(int rank) const;
  void obey_link();
  void stop(int signal);
  void kill_all(bool by_request);
  void signal_groups(int signal);
  void tell_beyond_reach(int rank);
  void warn_workers(int signal) const;
  void end_groups();
  bool has_unread_output() const { return output_relay_.has_rest() || error_relay_.has_rest(); }
  GroupEnd describe_end() const;
  std::vector<pid_t> own_children() const;

  WorkerGroupOptions options_;
  SignalScope& signals_;
  const Adoption& adoption_;
  Watchdog& watchdog_;
  RankStates rank_states_;
  FlightReporter flight_reporter_;
  JobLink* link_;
  OutputRelay error_relay_{STDERR_FILENO};
  OutputRelay output_relay_{STDOUT_FILENO, [this](auto lines) { error_relay_.print(lines); }};
  std::vector<Worker> workers_;

  bool is_stopping_ = false;
  bool are_reaped_ = false;  // Their numbers may belong to anyone.
  bool was_killed_by_request_ = false;
  std::vector<int> failures_;           // Ranks as they failed, before they were told to stop.
  std::optional<int> failed_rank_;      // The rank whose failure ended the group.
  std::optional<int> received_signal_;  // The signal that ended the group.
  std::vector<int> unyielding_ranks_;   // Ranks that had to be killed.
  std::optional<Clock::time_point> blame_time_;  // When to stop waiting for the cause.
  std::optional<Clock::time_point> kill_time_;   // When the grace period is over.
  std::optional<Clock::time_point> drop_time_;   // When to stop waiting for readers.
  std::optional<Clock::time_point> asked_time_;  // When the first SIGINT or SIGTERM came.
};

}  // namespace accelerate::launcher
