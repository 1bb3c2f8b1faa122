#include "launcher/supervisor/worker_group.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/posix/system_error.h"
#include "launcher/supervisor/last_words.h"
#include "launcher/supervisor/worker_process.h"

namespace accelerate::launcher {

namespace {

using std::chrono::milliseconds;

// A rank that lost a peer may end before that one has, which closes its connections first.
constexpr milliseconds kBlamePatience(2000);
// A shell and a program between it and the launcher may both pass the same Ctrl-C on.
constexpr milliseconds kLongestEcho(300);
// For what is written at the very end, where somebody reads it.
constexpr milliseconds kLastWords(1000);

// With SIGUSR1 or SIGUSR2 schedulers say that the time is nearly over, which would end a program
// that does not look out for it; and they may send it to each process themselves.
void ignore_warnings() {
  for (const int signal : {SIGUSR1, SIGUSR2}) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_DFL) std::signal(signal, SIG_IGN);
  }
}

}  // namespace

bool WorkerGroup::has_gone(const Worker& worker) const {
  return worker.end.has_value() || worker.is_beyond_reach;
}

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
    hear_signals();
    if (is_stopping_) break;
  }
  if (!started.ok()) stop(SIGKILL);
  // Of those whose SIGCHLD came while others were started, and which nothing announces again.
  collect_ends();
  while (!std::all_of(workers_.begin(), workers_.end(),
                      [this](const Worker& each) { return has_gone(each); })) {
    wait_and_handle();
  }
  end_groups();
  while (has_unread_output()) wait_and_handle();
  if (!started.ok()) return started;
  // One that came before the last end, which decides whether an attempt follows.
  if (failed_rank_.has_value()) hear_signals();
  return describe_end();
}

void WorkerGroup::print(std::string_view lines) {
  error_relay_.print(lines);
  const Clock::time_point end = Clock::now() + kLastWords;
  while (error_relay_.has_rest() && Clock::now() < end) {
    std::vector<pollfd> polled;
    error_relay_.add_to(polled);
    poll(polled.data(), polled.size(), static_cast<int>(kLastWords.count()));
    error_relay_.forward();
  }
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
    rank_states_.close();
    flight_reporter_.close();
    ignore_warnings();
    if (link_ != nullptr) link_->close();
    EnvironmentChanges variables = setup.variables;
    variables.insert(adoption_.mark());
    run_worker({.supervisor = supervisor,
                .watchdog = watchdog_,
                .variables = variables,
                .stdout_pipe = output->get(),
                .stderr_pipe = errors->get(),
                .cpus = setup.cpus,
                .keeps_stdin = workers_.empty()},
               // Once the worker has left the terminal's session: a Ctrl-\ from before is the
               // supervisor's, and is forgotten.
               [&] {
                 std::signal(SIGQUIT, std::signal(SIGQUIT, SIG_IGN));
                 signals_.restore();
                 return worker();
               });
  }
  flight_reporter_.note_start(static_cast<int>(workers_.size()), pid);
  workers_.push_back({.pid = pid});
  return absl::OkStatus();
}

void WorkerGroup::wait_and_handle() {
  std::vector<pollfd> polled = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
  output_relay_.add_to(polled);
  error_relay_.add_to(polled);
  flight_reporter_.add_to(polled);
  if (link_ != nullptr) link_->add_to(polled);
  poll(polled.data(), polled.size(), poll_timeout());

  // Before the ends of workers: who signals this process may have signalled them too.
  hear_signals();
  // Before the ends, too: for want of a peer that failed on another machine, workers here fail.
  if (link_ != nullptr) obey_link();
  collect_ends();
  output_relay_.forward();
  error_relay_.forward();
  const std::string news = flight_reporter_.handle();
  if (!news.empty()) error_relay_.print(news);
  const Clock::time_point now = Clock::now();
  if (kill_time_.has_value() && now >= *kill_time_) kill_all(/*by_request=*/false);
  if (drop_time_.has_value() && now >= *drop_time_) {
    drop_time_.reset();
    output_relay_.give_up();
    error_relay_.give_up();
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
  shorten(flight_reporter_.wait());
  for (const auto& time : {blame_time_, kill_time_, drop_time_}) {
    if (time.has_value()) shorten(std::chrono::ceil<milliseconds>(*time - Clock::now()));
  }
  return shortest.has_value() ? std::max(0, static_cast<int>(shortest->count())) : -1;
}

void WorkerGroup::hear_signals() {
  while (const std::optional<int> signal = signals_.take()) {
    switch (*signal) {
      case SIGCHLD:
        if (!are_reaped_) adoption_.reap(own_children());
        break;
      case SIGUSR1:
      case SIGUSR2:
        if (!is_stopping_ && !are_reaped_) warn_workers(*signal);
        break;
      case SIGQUIT:
        if (!are_reaped_) error_relay_.print(flight_reporter_.report_for_signal());
        break;
      case SIGTSTP:
        suspend();
        break;
      case SIGCONT:
        signal_groups(SIGCONT);
        break;
      default:
        end_for(*signal);
    }
  }
}

void WorkerGroup::end_for(int signal) {
  // A terminal that closes sends SIGHUP, and so does the shell; that is nobody's impatience.
  const bool is_asked = signal != SIGHUP;
  const bool is_asked_again =
      is_asked && asked_time_.has_value() && Clock::now() >= *asked_time_ + kLongestEcho;
  if (is_asked && !asked_time_.has_value()) asked_time_ = Clock::now();
  if (is_asked_again && is_stopping_) kill_all(/*by_request=*/true);
  if (received_signal_.has_value()) return;
  // Also while a failed attempt is being stopped, so that no other one follows.
  received_signal_ = signal;
  if (link_ != nullptr) link_->tell_signal(signal);
  if (!is_stopping_) stop(signal == SIGINT ? SIGINT : SIGTERM);
}

// Stopped by SIGSTOP: the kernel ignores SIGTSTP in the sessions of workers, which no shell is in.
void WorkerGroup::suspend() {
  signal_groups(SIGSTOP);
  const Clock::time_point begin = Clock::now();
  signals_.suspend();
  for (auto* time : {&blame_time_, &kill_time_, &drop_time_}) {
    if (time->has_value()) **time += Clock::now() - begin;
  }
  flight_reporter_.forget_time();
  signal_groups(SIGCONT);
}

void WorkerGroup::collect_ends() {
  if (are_reaped_) return;
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    Worker& worker = workers_[rank];
    siginfo_t info = {};
    if (has_gone(worker)) continue;
    waitid(P_PID, worker.pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid == 0) continue;
    worker.end = {.by_signal = info.si_code != CLD_EXITED, .code = info.si_status};
    output_relay_.finish(rank);
    error_relay_.finish(rank);
    if (worker.end->failed()) {
      failures_.push_back(rank);
    } else {
      rank_states_.note_end(rank);
    }
  }
  if (failures_.empty() || is_stopping_) return;
  const int cause = likely_cause();
  if (may_be_a_victim(cause)) {
    if (!blame_time_.has_value()) blame_time_ = Clock::now() + kBlamePatience;
    if (Clock::now() < *blame_time_) return;
  }
  blame_time_.reset();
  failed_rank_ = cause;
  const WorkerEnd& end = *workers_[cause].end;
  const absl::Status start_failure = options_.start_failure();
  if (link_ != nullptr && start_failure.ok()) link_->tell_failure(cause, end);
  if (link_ != nullptr && !start_failure.ok()) {
    link_->tell_not_started(std::string(start_failure.message()), end.exit_code());
  }
  stop(SIGTERM);
}

// Of the ranks that have failed: peers of the cause fail a moment later, for want of a connection.
// The first that does not say so; one that crashed before one that did not, as crashes say nothing.
// SIGPIPE is no crash: whom it wrote to has gone.
int WorkerGroup::likely_cause() const {
  const auto weight = [this](int rank) {
    const WorkerEnd& end = *workers_[rank].end;
    if (end.by_signal && end.code == SIGPIPE) return 0;
    const bool is_victim = find_lost_peer(error_relay_.tail(rank)).has_value();
    return (is_victim ? 0 : 2) + (end.by_signal ? 1 : 0);
  };
  return *std::max_element(failures_.begin(), failures_.end(),
                           [&](int a, int b) { return weight(a) < weight(b); });
}

// Whether the rank says that another one of this machine has died, whose end is still to come.
bool WorkerGroup::may_be_a_victim(int rank) const {
  const std::optional<LostPeer> lost = find_lost_peer(error_relay_.tail(rank));
  if (!lost.has_value() || !lost->rank.has_value()) return false;
  const int peer = *lost->rank - options_.first_rank;
  return peer >= 0 && peer < static_cast<int>(workers_.size()) && !has_gone(workers_[peer]);
}

void WorkerGroup::obey_link() {
  link_->handle();
  if (link_->stop().has_value() && !is_stopping_) stop(SIGTERM);
}

void WorkerGroup::stop(int signal) {
  is_stopping_ = true;
  kill_time_ = Clock::now() + options_.grace_period;
  signal_groups(signal);
}

void WorkerGroup::kill_all(bool by_request) {
  kill_time_.reset();
  drop_time_ = Clock::now() + (are_reaped_ ? milliseconds(0) : kLastWords);
  if (unyielding_ranks_.empty()) {  // Otherwise this has been done.
    was_killed_by_request_ = by_request;
    for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
      if (!has_gone(workers_[rank])) unyielding_ranks_.push_back(rank);
    }
  }
  signal_groups(SIGKILL);
}

void WorkerGroup::signal_groups(int signal) {
  if (are_reaped_) return;
  for (int rank = 0; rank < static_cast<int>(workers_.size()); ++rank) {
    const pid_t pid = workers_[rank].pid;
    // A worker that has just been forked may not lead its group yet.
    if (kill(-pid, signal) == 0 || kill(pid, signal) == 0 || errno != EPERM) continue;
    if (has_gone(workers_[rank])) continue;
    if (signal == SIGKILL) {
      workers_[rank].is_beyond_reach = true;
    } else {
      tell_beyond_reach(rank);
    }
  }
}

// Such as one that was started by sudo.
void WorkerGroup::tell_beyond_reach(int rank) {
  error_relay_.print(absl::StrCat(
      "accelerate: process ", workers_[rank].pid, " (rank ", options_.first_rank + rank,
      ") belongs to another user, and signals from here do not reach it; end it as that user or as "
      "root (kill ",
      workers_[rank].pid, "). The launcher does not wait for it after the grace period.\n"));
}

// Not what they have started, of which nobody knows whether it bears it.
void WorkerGroup::warn_workers(int signal) const {
  for (const Worker& worker : workers_) kill(worker.pid, signal);
}

void WorkerGroup::end_groups() {
  flight_reporter_.stop();
  signal_groups(SIGKILL);
  output_relay_.finish_all();
  error_relay_.finish_all();
  const std::vector<pid_t> left = adoption_.end(own_children());
  // All that it guards has ended, and the numbers of the groups become anyone's.
  watchdog_.dismiss();
  for (const Worker& worker : workers_) {
    if (worker.end.has_value()) waitpid(worker.pid, nullptr, 0);
  }
  are_reaped_ = true;
  if (left.empty()) return;
  error_relay_.print(
      absl::StrCat("accelerate: processes that the ranks started could not be ended: ",
                   absl::StrJoin(left, ", "), "; end them as their user or as root (kill).\n"));
}

// With the watchdog, those that are no orphans.
std::vector<pid_t> WorkerGroup::own_children() const {
  std::vector<pid_t> pids = {watchdog_.pid()};
  if (flight_reporter_.writer() != 0) pids.push_back(flight_reporter_.writer());
  for (const Worker& worker : workers_) pids.push_back(worker.pid);
  return pids;
}

GroupEnd WorkerGroup::describe_end() const {
  GroupEnd end = {.received_signal = received_signal_,
                  .failed_rank = failed_rank_,
                  .was_killed_by_request = was_killed_by_request_,
                  .has_lost_output = output_relay_.has_lost() || error_relay_.has_lost()};
  for (const int rank : unyielding_ranks_) {
    const auto& worker_end = workers_[rank].end;
    if (worker_end == WorkerEnd{.by_signal = true, .code = SIGKILL}) {
      end.killed_ranks.push_back(rank);
    }
  }
  if (failed_rank_.has_value()) {
    end.failed_process = workers_[*failed_rank_].pid;
    end.worker_end = *workers_[*failed_rank_].end;
    end.last_errors = error_relay_.tail(*failed_rank_);
  }
  return end;
}

}  // namespace accelerate::launcher
