// The workers of one machine from their start to the end of the last one.
//
// Example:
//   WorkerGroup group(std::chrono::seconds(5), signals, *watchdog, /*link=*/nullptr);
//   absl::StatusOr<GroupEnd> end = group.run(std::move(socket), setups, worker);
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
#include "launcher/rendezvous/job_link.h"
#include "launcher/supervisor/file_descriptor.h"
#include "launcher/supervisor/group_end.h"
#include "launcher/supervisor/output_relay.h"
#include "launcher/supervisor/signal_scope.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_end.h"

namespace accelerate::launcher {

// What becomes of one stream of a worker.
struct OutputRoute {
  bool is_relayed = false;    // Otherwise the worker inherits the stream of this process,
  std::string prefix = "";    // has no prefix,
  std::string log_file = "";  // and no file: nothing is kept where this is empty.
};

struct WorkerSetup {
  EnvironmentChanges variables = {};
  CpuSet cpus = {};  // Where it runs; anywhere if empty.
  OutputRoute standard_output = {};
  OutputRoute standard_error = {};
};

// Not thread-safe; runs once.
class WorkerGroup {
 public:
  // `signals`, `watchdog` and `link` must outlive the group; each group needs a watchdog of its
  // own. `link` is null where the job has no other machine.
  WorkerGroup(std::chrono::milliseconds grace_period, SignalScope& signals, Watchdog& watchdog,
              JobLink* link)
      : grace_period_(grace_period), signals_(signals), watchdog_(watchdog), link_(link) {}

  // Forks a worker for each of `setups`, from rank 0, which leaves with what `worker` returns, and
  // waits until all have ended and nothing of their process groups is left. Rank 0 alone inherits
  // `store_socket`. A failure here is told to the other machines at once, and one there stops the
  // workers here. An error where not all could be started; then none runs.
  absl::StatusOr<GroupEnd> run(FileDescriptor store_socket, const std::vector<WorkerSetup>& setups,
                               const std::function<int()>& worker);

  // Writes lines of the caller's own to standard error, after what the workers wrote.
  void print(std::string_view lines) { error_relay_.print(lines); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Worker {
    pid_t pid = 0;  // Its process group's number as well.
    // How it ended. It is waited for only when all have: while it is a zombie no other process or
    // group gets its number, so that a signal to the group hits nobody else.
    std::optional<WorkerEnd> end = std::nullopt;
  };

  static bool has_ended(const Worker& worker) { return worker.end.has_value(); }

  absl::Status start_worker(const WorkerSetup& setup, const std::function<int()>& worker);
  void wait_and_handle();
  int poll_timeout() const;
  void collect_ends();
  void obey_link();
  void stop(int signal);
  void signal_groups(int signal) const;
  void warn_workers() const;
  void end_groups();
  GroupEnd describe_end() const;

  std::chrono::milliseconds grace_period_;  // From being told to stop to being killed.
  SignalScope& signals_;
  Watchdog& watchdog_;
  JobLink* link_;
  OutputRelay output_relay_{STDOUT_FILENO};
  OutputRelay error_relay_{STDERR_FILENO};
  std::vector<Worker> workers_;

  bool is_stopping_ = false;
  std::optional<int> failed_rank_;              // Whose failure ended the group,
  std::optional<int> received_signal_;          // or which signal did.
  std::optional<Clock::time_point> kill_time_;  // When the grace period is over.
};

}  // namespace accelerate::launcher
