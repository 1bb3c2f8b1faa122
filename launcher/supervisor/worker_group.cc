#include "launcher/supervisor/worker_group.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/supervisor/system_error.h"
#include "launcher/supervisor/worker_process.h"

namespace accelerate::launcher {

namespace {

using std::chrono::milliseconds;

absl::StatusOr<FileDescriptor> open_log(const std::string& path) {
  FileDescriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (log.is_open()) return log;
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot write ", path, ": ", std::strerror(errno), "; correct --log_dir, or leave it out."));
}

// Adds the next rank to `relay`. Returns what it is to write to, which is not open where it keeps
// the stream that it inherits.
absl::StatusOr<FileDescriptor> add_rank(const OutputRoute& route, OutputRelay& relay) {
  RelaySource source = {.prefix = route.prefix, .log_path = route.log_file};
  FileDescriptor write_end;
  if (route.is_relayed) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2");
    source.pipe = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return system_error("fcntl");
  }
  if (!route.log_file.empty()) {
    absl::StatusOr<FileDescriptor> log = open_log(route.log_file);
    if (!log.ok()) return log.status();
    source.log = *std::move(log);
  }
  relay.add(std::move(source));
  return write_end;
}

// SIGUSR1, with which schedulers say that the time is nearly over, would end a program that does
// not look out for it; and they may send it to each process themselves.
void ignore_warnings() {
  struct sigaction action = {};
  sigaction(SIGUSR1, nullptr, &action);
  if (action.sa_handler == SIG_DFL) std::signal(SIGUSR1, SIG_IGN);
}

}  // namespace

absl::StatusOr<GroupEnd> WorkerGroup::run(FileDescriptor store_socket,
                                          const std::vector<WorkerSetup>& setups,
                                          const std::function<int()>& worker) {
  absl::Status started;
  for (const WorkerSetup& setup : setups) {
    started = start_worker(setup, worker);
    if (!started.ok()) break;
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

absl::Status WorkerGroup::start_worker(const WorkerSetup& setup,
                                       const std::function<int()>& worker) {
  const absl::StatusOr<FileDescriptor> output = add_rank(setup.standard_output, output_relay_);
  if (!output.ok()) return output.status();
  const absl::StatusOr<FileDescriptor> errors = add_rank(setup.standard_error, error_relay_);
  if (!errors.ok()) return errors.status();

  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) {
    output_relay_.close();
    error_relay_.close();
    ignore_warnings();
    signals_.restore();
    if (link_ != nullptr) link_->close();
    run_worker({.supervisor = supervisor,
                .watchdog = watchdog_,
                .variables = setup.variables,
                .stdout_pipe = output->get(),
                .stderr_pipe = errors->get(),
                .cpus = setup.cpus,
                .keeps_stdin = workers_.empty()},
               worker);
  }
  workers_.push_back({.pid = pid});
  return absl::OkStatus();
}

void WorkerGroup::wait_and_handle() {
  std::vector<pollfd> polled = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
  for (const OutputRelay* relay : {&output_relay_, &error_relay_}) {
    for (const int fd : relay->fds()) polled.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  }
  if (link_ != nullptr) link_->add_to(polled);
  poll(polled.data(), polled.size(), poll_timeout());

  // Before the ends of workers: who signals this process may have signalled them too.
  while (const std::optional<int> signal = signals_.take()) {
    if (*signal == SIGUSR1 && !is_stopping_) warn_workers();
    if (*signal == SIGCHLD || *signal == SIGUSR1 || received_signal_.has_value()) continue;
    // Also while a failed attempt is being stopped, so that no other one follows.
    received_signal_ = signal;
    if (link_ != nullptr) link_->tell_signal(*signal);
    if (!is_stopping_) stop(*signal == SIGINT ? SIGINT : SIGTERM);
  }
  // Before the ends, too: for want of a peer that failed on another machine, workers here fail.
  if (link_ != nullptr) obey_link();
  collect_ends();
  output_relay_.forward();
  error_relay_.forward();
  if (kill_time_.has_value() && Clock::now() >= *kill_time_) {
    signal_groups(SIGKILL);
    kill_time_.reset();
  }
}

// In milliseconds, -1 for ever.
int WorkerGroup::poll_timeout() const {
  std::optional<milliseconds> shortest = output_relay_.wait();
  const auto shorten = [&shortest](const std::optional<milliseconds>& time) {
    if (time.has_value()) shortest = std::min(shortest.value_or(*time), *time);
  };
  shorten(error_relay_.wait());
  if (link_ != nullptr) shorten(link_->wait());
  if (kill_time_.has_value()) {
    shorten(std::chrono::ceil<milliseconds>(*kill_time_ - Clock::now()));
  }
  return shortest.has_value() ? std::max(0, static_cast<int>(shortest->count())) : -1;
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
    output_relay_.finish(rank);
    error_relay_.finish(rank);
    if (!worker.end->failed()) continue;
    // Peers of a rank that crashed fail a moment later, for want of a connection: it is the cause.
    if (!failed.has_value() || (worker.end->by_signal && !workers_[*failed].end->by_signal)) {
      failed = rank;
    }
  }
  if (!failed.has_value() || is_stopping_) return;
  failed_rank_ = failed;
  if (link_ != nullptr) link_->tell_failure(*failed, *workers_[*failed].end);
  stop(SIGTERM);
}

void WorkerGroup::obey_link() {
  link_->handle();
  if (link_->stop().has_value() && !is_stopping_) stop(SIGTERM);
}

void WorkerGroup::stop(int signal) {
  is_stopping_ = true;
  kill_time_ = Clock::now() + grace_period_;
  signal_groups(signal);
}

void WorkerGroup::signal_groups(int signal) const {
  for (const Worker& worker : workers_) {
    // A worker that has just been forked may not lead its group yet.
    if (kill(-worker.pid, signal) != 0) kill(worker.pid, signal);
  }
}

// Not what they have started, of which nobody knows whether it bears it.
void WorkerGroup::warn_workers() const {
  for (const Worker& worker : workers_) kill(worker.pid, SIGUSR1);
}

void WorkerGroup::end_groups() {
  signal_groups(SIGKILL);
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    output_relay_.finish(rank);
    error_relay_.finish(rank);
    waitpid(workers_[rank].pid, nullptr, 0);
  }
}

GroupEnd WorkerGroup::describe_end() const {
  GroupEnd end = {.received_signal = received_signal_, .failed_rank = failed_rank_};
  if (failed_rank_.has_value()) {
    end.failed_process = workers_[*failed_rank_].pid;
    end.worker_end = *workers_[*failed_rank_].end;
    end.last_errors = error_relay_.tail(*failed_rank_);
  }
  return end;
}

}  // namespace accelerate::launcher
