#include "launcher/supervisor/worker_group.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "launcher/supervisor/system_error.h"
#include "launcher/supervisor/worker_process.h"

namespace accelerate::launcher {

using std::chrono::milliseconds;

absl::StatusOr<GroupEnd> WorkerGroup::run(
    FileDescriptor store_socket, const std::function<EnvironmentChanges(int rank)>& variables,
    const std::function<int()>& worker) {
  absl::Status started;
  for (int rank = 0; rank < options_.num_processes && started.ok(); ++rank) {
    started = start_worker(rank, variables(rank), worker);
    // From now on rank 0 alone holds it: once that has ended, a connection is refused and does not
    // wait.
    store_socket.reset();
  }
  if (!started.ok()) stop(SIGKILL);
  while (!std::all_of(workers_.begin(), workers_.end(), has_ended)) wait_and_handle();
  end_groups();
  if (!started.ok()) return started;
  return describe_end();
}

absl::Status WorkerGroup::start_worker(int rank, const EnvironmentChanges& variables,
                                       const std::function<int()>& worker) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2");
  FileDescriptor read_end(ends[0]);
  const FileDescriptor write_end(ends[1]);
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);

  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) {
    read_end.reset();
    relay_.close();
    signals_.restore();
    run_worker({.supervisor = supervisor,
                .watchdog = watchdog_,
                .variables = variables,
                .stderr_pipe = write_end.get(),
                .cpus = options_.cpu_sets.empty() ? CpuSet() : options_.cpu_sets[rank],
                .keeps_stdin = rank == 0},
               worker);
  }
  relay_.add({.pipe = std::move(read_end)});
  workers_.push_back({.pid = pid});
  return absl::OkStatus();
}

void WorkerGroup::wait_and_handle() {
  std::vector<pollfd> polled = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
  for (const int fd : relay_.fds()) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  poll(polled.data(), polled.size(), poll_timeout());

  // Before the ends of workers: who signals this process may have signalled them too.
  while (const std::optional<int> signal = signals_.take()) {
    if (*signal == SIGCHLD || is_stopping_) continue;
    received_signal_ = signal;
    stop(*signal == SIGINT ? SIGINT : SIGTERM);
  }
  collect_ends();
  relay_.forward();
  if (kill_time_.has_value() && Clock::now() >= *kill_time_) {
    signal_groups(SIGKILL);
    kill_time_.reset();
  }
}

// In milliseconds, -1 for ever.
int WorkerGroup::poll_timeout() const {
  std::optional<milliseconds> timeout = relay_.wait();
  if (kill_time_.has_value()) {
    const auto left = std::chrono::ceil<milliseconds>(*kill_time_ - Clock::now());
    timeout = std::min(timeout.value_or(left), left);
  }
  return timeout.has_value() ? std::max(0, static_cast<int>(timeout->count())) : -1;
}

void WorkerGroup::collect_ends() {
  std::optional<int> failed;
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    Worker& worker = workers_[rank];
    siginfo_t info = {};
    if (has_ended(worker)) continue;
    waitid(P_PID, worker.pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid == 0) continue;
    worker.end = {.by_signal = info.si_code != CLD_EXITED, .code = info.si_status};
    relay_.finish(rank);
    if (!worker.end->failed()) continue;
    // Peers of a rank that crashed fail a moment later, for want of a connection: it is the cause.
    if (!failed.has_value() || (worker.end->by_signal && !workers_[*failed].end->by_signal)) {
      failed = rank;
    }
  }
  if (!failed.has_value() || is_stopping_) return;
  failed_rank_ = failed;
  stop(SIGTERM);
}

void WorkerGroup::stop(int signal) {
  is_stopping_ = true;
  kill_time_ = Clock::now() + options_.grace_period;
  signal_groups(signal);
}

void WorkerGroup::signal_groups(int signal) const {
  for (const Worker& worker : workers_) {
    // A worker that has just been forked may not lead its group yet.
    if (kill(-worker.pid, signal) != 0) kill(worker.pid, signal);
  }
}

void WorkerGroup::end_groups() {
  signal_groups(SIGKILL);
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    relay_.finish(rank);
    waitpid(workers_[rank].pid, nullptr, 0);
  }
}

GroupEnd WorkerGroup::describe_end() const {
  GroupEnd end = {.received_signal = received_signal_, .failed_rank = failed_rank_};
  if (failed_rank_.has_value()) {
    end.failed_process = workers_[*failed_rank_].pid;
    end.worker_end = *workers_[*failed_rank_].end;
    end.last_errors = relay_.tail(*failed_rank_);
  }
  return end;
}

}  // namespace accelerate::launcher
