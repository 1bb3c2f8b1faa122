#include "launcher/supervisor/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/plan/program_variables.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/supervisor/listening_socket.h"
#include "launcher/supervisor/program_execution.h"
#include "launcher/supervisor/signal_scope.h"
#include "launcher/supervisor/system_error.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_end.h"
#include "launcher/supervisor/worker_group.h"

namespace accelerate::launcher {
namespace {

// Says why the workers could not be started, and returns the exit code for that.
int report_start(const LaunchPlan& plan, const absl::Status& status) {
  std::cerr << "accelerate: cannot start " << plan.num_processes
            << " processes: " << status.message() << "\n";
  return 1;
}

// What went wrong, and the end of what the failed worker wrote.
std::string failure_text(const LaunchPlan& plan, const GroupEnd& end) {
  const int rank = *end.failed_rank;
  std::string text = absl::StrCat(
      "accelerate: rank ", rank, " of ", plan.num_processes, " (process ", end.failed_process, ") ",
      describe(end.worker_end), plan.is_multi_process() ? "; the others were stopped" : "", ".\n");
  if (end.worker_end == WorkerEnd{.by_signal = true, .code = SIGKILL}) {
    absl::StrAppend(&text,
                    "accelerate: the kernel does this when memory runs out: look into dmesg.\n");
  }
  absl::StrAppend(&text, "accelerate: rank ", rank,
                  end.last_errors.empty() ? " wrote nothing to standard error.\n"
                                          : " ended with this on standard error:\n");
  // As indented lines, unlike those that were passed on when they were written.
  std::istringstream lines(end.last_errors);
  for (std::string line; std::getline(lines, line);) absl::StrAppend(&text, "  | ", line, "\n");
  return text;
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

struct Job {
  const LaunchPlan& plan;
  const SupervisorOptions& options;
  std::function<int()> worker;
  std::function<EnvironmentChanges(const WorkerPlace&, const StoreEndpoint&)> variables;
  bool has_store = true;           // The workers meet in one;
  bool takes_store_socket = true;  // rank 0 takes its socket over, or else opens it itself.
  const ProgramExecution* execution = nullptr;  // Where `worker` executes another program.
};

// Says how the group ended, and returns the exit code for that.
int report(const Job& job, const GroupEnd& end, WorkerGroup& group) {
  const absl::Status failure =
      job.execution == nullptr ? absl::OkStatus() : job.execution->failure();
  if (!failure.ok()) {
    group.print(absl::StrCat("accelerate: ", failure.message(), "\n"));
    return execution_exit_code(failure);
  }
  if (end.received_signal.has_value()) {
    group.print(absl::StrCat("accelerate: ", signal_name(*end.received_signal),
                             " received; all processes were stopped.\n"));
    return 128 + *end.received_signal;
  }
  if (!end.failed_rank.has_value()) return 0;
  group.print(failure_text(job.plan, end));
  return end.worker_end.exit_code();
}

int run_job(const Job& job) {
  const LaunchPlan& plan = job.plan;
  flush_standard_streams();
  warn_about_threads();
  ListeningSocket store;
  if (job.has_store) {
    absl::StatusOr<ListeningSocket> opened = open_listening_socket(plan.main_process_port);
    if (!opened.ok()) return report_start(plan, opened.status());
    store = *std::move(opened);
  }
  StoreEndpoint endpoint = {.port = store.port};
  if (job.takes_store_socket) {
    endpoint.listening_fd = store.fd.get();
  } else {
    store.fd.reset();
  }
  SignalScope signals;
  if (!signals.is_open()) return report_start(plan, system_error("signalfd"));
  absl::StatusOr<Watchdog> watchdog = Watchdog::start();
  if (!watchdog.ok()) return report_start(plan, watchdog.status());

  WorkerGroup group({.num_processes = plan.num_processes,
                     .grace_period = job.options.grace_period,
                     .cpu_sets = plan.cpu_sets},
                    signals, *watchdog);
  const absl::StatusOr<GroupEnd> end = group.run(
      std::move(store.fd), [&](int rank) { return job.variables({.rank = rank}, endpoint); },
      job.worker);
  if (!end.ok()) return report_start(plan, end.status());
  return report(job, *end, group);
}

}  // namespace

int supervise(const LaunchPlan& plan, const std::function<int()>& worker,
              const SupervisorOptions& options) {
  open_standard_streams();
  return run_job({.plan = plan,
                  .options = options,
                  .worker = worker,
                  .variables = [&](const WorkerPlace& place, const StoreEndpoint& store) {
                    return worker_variables(plan, place, store);
                  }});
}

int supervise_program(const LaunchPlan& plan, const Command& command,
                      const SupervisorOptions& options) {
  open_standard_streams();
  const absl::StatusOr<ProgramExecution> execution = ProgramExecution::prepare(command);
  if (!execution.ok()) return report_start(plan, execution.status());
  const bool has_store = needs_rendezvous(plan, command);
  return run_job({.plan = plan,
                  .options = options,
                  .worker = [&]() -> int { execution->execute(); },
                  .variables =
                      [&](const WorkerPlace& place, const StoreEndpoint& store) {
                        return program_variables(plan, command, place, store);
                      },
                  .has_store = has_store,
                  .takes_store_socket = has_store&& command.takes_store_socket,
                  .execution = &*execution});
}

}  // namespace accelerate::launcher
