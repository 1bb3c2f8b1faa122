#include "launcher/supervisor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/supervisor/file_descriptor.h"
#include "launcher/supervisor/listening_socket.h"
#include "launcher/supervisor/signal_scope.h"
#include "launcher/supervisor/stderr_relay.h"
#include "launcher/supervisor/system_error.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_end.h"
#include "launcher/supervisor/worker_process.h"

namespace accelerate::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Says why the workers could not be started, and returns the exit code for that.
int report_start(const LaunchPlan& plan, const absl::Status& status) {
  std::cerr << "accelerate: cannot start " << plan.num_processes
            << " processes: " << status.message() << "\n";
  return 1;
}

struct Worker {
  pid_t pid = 0;  // Its process group's number as well.
  // How it ended. It is waited for only when all have: while it is a zombie no other process or
  // group gets its number, so that a signal to the group hits nobody else.
  std::optional<WorkerEnd> end = std::nullopt;
};

class Supervisor {
 public:
  Supervisor(const LaunchPlan& plan, const SupervisorOptions& options, SignalScope& signals,
             Watchdog& watchdog)
      : plan_(plan), options_(options), signals_(signals), watchdog_(watchdog) {}

  int run(ListeningSocket store, const std::function<int()>& worker) {
    const absl::Status started = start_workers(std::move(store), worker);
    if (!started.ok()) stop(SIGKILL);
    while (!std::all_of(workers_.begin(), workers_.end(), has_ended)) wait_and_handle();
    end_groups();
    return started.ok() ? report() : report_start(plan_, started);
  }

 private:
  static bool has_ended(const Worker& worker) { return worker.end.has_value(); }

  absl::Status start_workers(ListeningSocket store, const std::function<int()>& worker);
  absl::Status start_worker(int rank, const StoreEndpoint& store,
                            const std::function<int()>& worker);
  void wait_and_handle();
  int poll_timeout() const;
  void collect_ends();
  void stop(int signal);
  void signal_groups(int signal) const;
  void end_groups();
  int report();

  const LaunchPlan& plan_;
  const SupervisorOptions& options_;
  SignalScope& signals_;
  Watchdog& watchdog_;
  StderrRelay relay_{STDERR_FILENO};
  std::vector<Worker> workers_;

  bool is_stopping_ = false;
  std::optional<int> failed_rank_;              // Whose failure ended the job,
  std::optional<int> received_signal_;          // or which signal did.
  std::optional<Clock::time_point> kill_time_;  // When the grace period is over.
};

absl::Status Supervisor::start_workers(ListeningSocket store, const std::function<int()>& worker) {
  for (int rank = 0; rank < plan_.num_processes; ++rank) {
    const absl::Status status =
        start_worker(rank, {.port = store.port, .listening_fd = store.fd.get()}, worker);
    if (!status.ok()) return status;
    // From now on rank 0 alone holds it: once that has ended, a connection is refused and does not
    // wait.
    store.fd.reset();
  }
  return absl::OkStatus();
}

absl::Status Supervisor::start_worker(int rank, const StoreEndpoint& store,
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
                .variables = worker_variables(plan_, rank, store),
                .stderr_pipe = write_end.get(),
                .keeps_stdin = rank == 0},
               worker);
  }
  relay_.add(std::move(read_end));
  workers_.push_back({.pid = pid});
  return absl::OkStatus();
}

void Supervisor::wait_and_handle() {
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
int Supervisor::poll_timeout() const {
  std::optional<milliseconds> timeout = relay_.wait();
  if (kill_time_.has_value()) {
    const auto left = std::chrono::ceil<milliseconds>(*kill_time_ - Clock::now());
    timeout = std::min(timeout.value_or(left), left);
  }
  return timeout.has_value() ? std::max(0, static_cast<int>(timeout->count())) : -1;
}

void Supervisor::collect_ends() {
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

void Supervisor::stop(int signal) {
  is_stopping_ = true;
  kill_time_ = Clock::now() + options_.grace_period;
  signal_groups(signal);
}

void Supervisor::signal_groups(int signal) const {
  for (const Worker& worker : workers_) {
    // A worker that has just been forked may not lead its group yet.
    if (kill(-worker.pid, signal) != 0) kill(worker.pid, signal);
  }
}

void Supervisor::end_groups() {
  signal_groups(SIGKILL);
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    relay_.finish(rank);
    waitpid(workers_[rank].pid, nullptr, 0);
  }
}

int Supervisor::report() {
  if (received_signal_.has_value()) {
    relay_.print(absl::StrCat("accelerate: ", signal_name(*received_signal_),
                              " received; all processes were stopped.\n"));
    return 128 + *received_signal_;
  }
  if (!failed_rank_.has_value()) return 0;

  const Worker& failed = workers_[*failed_rank_];
  std::string text =
      absl::StrCat("accelerate: rank ", *failed_rank_, " of ", plan_.num_processes, " (process ",
                   failed.pid, ") ", describe(*failed.end),
                   plan_.is_multi_process() ? "; the others were stopped" : "", ".\n");
  if (*failed.end == WorkerEnd{.by_signal = true, .code = SIGKILL}) {
    absl::StrAppend(&text,
                    "accelerate: the kernel does this when memory runs out: look into dmesg.\n");
  }
  const std::string tail = relay_.tail(*failed_rank_);
  absl::StrAppend(&text, "accelerate: rank ", *failed_rank_,
                  tail.empty() ? " wrote nothing to standard error.\n"
                               : " ended with this on standard error:\n");
  // As indented lines, unlike those that were passed on when they were written.
  std::istringstream lines(tail);
  for (std::string line; std::getline(lines, line);) absl::StrAppend(&text, "  | ", line, "\n");
  relay_.print(text);
  return failed.end->exit_code();
}

// Otherwise a pipe would get the number of a standard stream that the caller had closed.
void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
  }
}

// Otherwise each worker would write what this process has buffered once more.
void flush_standard_streams() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

void warn_about_threads() {
  std::error_code error;
  const auto threads = std::distance(std::filesystem::directory_iterator("/proc/self/task", error),
                                     std::filesystem::directory_iterator());
  if (threads <= 1) return;
  std::cerr << "accelerate: this process has " << threads
            << " threads, of which its workers keep only one, so that they may hang; start threads "
               "in the workers, after they are launched.\n";
}

}  // namespace

int supervise(const LaunchPlan& plan, const std::function<int()>& worker,
              const SupervisorOptions& options) {
  open_standard_streams();
  flush_standard_streams();
  warn_about_threads();
  absl::StatusOr<ListeningSocket> store = open_listening_socket(plan.main_process_port);
  if (!store.ok()) return report_start(plan, store.status());
  SignalScope signals;
  if (!signals.is_open()) return report_start(plan, system_error("signalfd"));
  absl::StatusOr<Watchdog> watchdog = Watchdog::start();
  if (!watchdog.ok()) return report_start(plan, watchdog.status());
  return Supervisor(plan, options, signals, *watchdog).run(*std::move(store), worker);
}

}  // namespace accelerate::launcher
