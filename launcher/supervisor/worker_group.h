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
  CpuSet cpus = {};  // Where it runs; anywhere if empty.
  OutputRoute standard_output = {};
  OutputRoute standard_error = {};
};

struct WorkerGroupOptions {
  std::chrono::milliseconds grace_period{0};  // From being told to stop to being killed.
  int first_rank = 0;                         // Of this machine, among those of the job.
  // Why a worker that failed could not start what it was to; OK where it could.
  std::function<absl::Status()> start_failure = [] { return absl::OkStatus(); };
};

// Not thread-safe; runs once.
class WorkerGroup {
 public:
  // All but `options` must outlive the group; each group needs a watchdog of its own. `link` is
  // null where the job has no other machine. The workers read in `rank_states` how far the others
  // are, and note what they do in the record of `flight_reporter`, which tells when they hang.
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

  // Forks a worker for each of `setups`, from rank 0, which leaves with what `worker` returns, and
  // waits until all have ended, nothing that they started is left, and what they wrote has been
  // read. Rank 0 alone inherits `store_socket`. A failure here is told to the other machines at
  // once, and one there stops the workers here. An error where not all could be started; then none
  // runs.
  absl::StatusOr<GroupEnd> run(FileDescriptor store_socket, const std::vector<WorkerSetup>& setups,
                               const std::function<int()>& worker);

  // Writes lines of the caller's own to standard error, after what the workers wrote. Where nobody
  // reads them they are lost after a moment.
  void print(std::string_view lines);

 private:
  using Clock = std::chrono::steady_clock;

  struct Worker {
    pid_t pid = 0;  // Its process group's number as well.
    // How it ended. It is waited for only when all have: while it is a zombie no other process or
    // group gets its number, so that a signal to the group hits nobody else.
    std::optional<WorkerEnd> end = std::nullopt;
    bool is_beyond_reach = false;  // Another user's, and so it cannot be stopped.
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
  bool are_reaped_ = false;  // Their numbers may be anyone's.
  bool was_killed_by_request_ = false;
  std::vector<int> failures_;           // Ranks as they failed, before they were told to stop.
  std::optional<int> failed_rank_;      // Whose failure ended the group,
  std::optional<int> received_signal_;  // or which signal did.
  std::vector<int> unyielding_ranks_;   // Those that had to be killed.
  std::optional<Clock::time_point> blame_time_;  // When the cause need not be waited for any more.
  std::optional<Clock::time_point> kill_time_;   // When the grace period is over.
  std::optional<Clock::time_point> drop_time_;   // When nobody's reading is waited for any more.
  std::optional<Clock::time_point> asked_time_;  // When the first SIGINT or SIGTERM came.
};

}  // namespace accelerate::launcher
