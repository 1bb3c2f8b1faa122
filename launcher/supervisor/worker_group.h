// The workers of one machine from their start to the end of the last one.
//
// Example:
//   WorkerGroup group({.num_processes = 2, .grace_period = 5s}, signals, *watchdog);
//   absl::StatusOr<GroupEnd> end = group.run(std::move(socket), variables, worker);
//   if (end.ok() && !end->failed_rank.has_value()) return 0;
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
#include "launcher/plan/cpu_set.h"
#include "launcher/supervisor/file_descriptor.h"
#include "launcher/supervisor/output_relay.h"
#include "launcher/supervisor/signal_scope.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_end.h"

namespace accelerate::launcher {

struct WorkerGroupOptions {
  int num_processes = 1;
  std::chrono::milliseconds grace_period = std::chrono::seconds(5);
  std::vector<CpuSet> cpu_sets = {};  // Where each worker runs, from rank 0; anywhere if empty.
};

// How a group ended: all well where it has neither a failed rank nor a signal.
struct GroupEnd {
  std::optional<int> received_signal = std::nullopt;  // Sent to this process, ended the group.
  std::optional<int> failed_rank = std::nullopt;      // Whose end stopped the others.
  pid_t failed_process = 0;
  WorkerEnd worker_end = {};
  std::string last_errors = "";  // The end of what the failed rank wrote to standard error.
};

// Not thread-safe; runs once.
class WorkerGroup {
 public:
  // `signals` and `watchdog` must outlive the group; each group needs a watchdog of its own.
  WorkerGroup(const WorkerGroupOptions& options, SignalScope& signals, Watchdog& watchdog)
      : options_(options), signals_(signals), watchdog_(watchdog) {}

  // Forks the workers, each of which gets `variables(rank)` and leaves with what `worker` returns,
  // and waits until all have ended and nothing of their process groups is left. Rank 0 alone
  // inherits `store_socket`. ResourceExhausted where not all could be started; then none runs.
  absl::StatusOr<GroupEnd> run(FileDescriptor store_socket,
                               const std::function<EnvironmentChanges(int rank)>& variables,
                               const std::function<int()>& worker);

  // Writes lines of the caller's own to standard error, after what the workers wrote.
  void print(std::string_view lines) { relay_.print(lines); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Worker {
    pid_t pid = 0;  // Its process group's number as well.
    // How it ended. It is waited for only when all have: while it is a zombie no other process or
    // group gets its number, so that a signal to the group hits nobody else.
    std::optional<WorkerEnd> end = std::nullopt;
  };

  static bool has_ended(const Worker& worker) { return worker.end.has_value(); }

  absl::Status start_worker(int rank, const EnvironmentChanges& variables,
                            const std::function<int()>& worker);
  void wait_and_handle();
  int poll_timeout() const;
  void collect_ends();
  void stop(int signal);
  void signal_groups(int signal) const;
  void end_groups();
  GroupEnd describe_end() const;

  WorkerGroupOptions options_;
  SignalScope& signals_;
  Watchdog& watchdog_;
  OutputRelay relay_{STDERR_FILENO};
  std::vector<Worker> workers_;

  bool is_stopping_ = false;
  std::optional<int> failed_rank_;              // Whose failure ended the group,
  std::optional<int> received_signal_;          // or which signal did.
  std::optional<Clock::time_point> kill_time_;  // When the grace period is over.
};

}  // namespace accelerate::launcher
