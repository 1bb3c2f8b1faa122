#include "launcher/supervisor/supervisor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/plan/program_variables.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/supervisor/end_report.h"
#include "launcher/supervisor/listening_socket.h"
#include "launcher/supervisor/log_folder.h"
#include "launcher/supervisor/program_execution.h"
#include "launcher/supervisor/signal_scope.h"
#include "launcher/supervisor/system_error.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_group.h"

namespace accelerate::launcher {
namespace {

// Says why the workers could not be started, and returns the exit code for that.
int report_start(const LaunchPlan& plan, const absl::Status& status) {
  std::cerr << "accelerate: cannot start " << plan.num_processes
            << (plan.num_processes == 1 ? " process: " : " processes: ") << status.message()
            << "\n";
  return 1;
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

struct Outcome {
  int exit_code = 0;
  bool is_restarted = false;
};

// Says how the group ended.
Outcome report(const Job& job, const GroupEnd& end, int attempt, WorkerGroup& group) {
  const absl::Status failure =
      job.execution == nullptr ? absl::OkStatus() : job.execution->failure();
  if (!failure.ok()) {
    group.print(absl::StrCat("accelerate: ", failure.message(), "\n"));
    return {.exit_code = execution_exit_code(failure)};
  }
  if (!job.plan.quiet) group.print(end_report(job.plan, end, attempt));
  return {.exit_code = end.exit_code(), .is_restarted = is_restarted(job.plan, end, attempt)};
}

OutputRoute route(const LaunchPlan& plan, int rank, bool is_marked, bool is_relayed,
                  const std::string& log_file) {
  return {.is_relayed = is_relayed || is_marked || !log_file.empty(),
          .prefix = is_marked ? absl::StrCat("[", plan.role, rank, "]:") : "",
          .log_file = log_file};
}

absl::StatusOr<WorkerSetup> set_up(const Job& job, const std::optional<LogFolder>& logs,
                                   const StoreEndpoint& store, WorkerPlace place) {
  const LaunchPlan& plan = job.plan;
  const int rank = place.local_rank;
  WorkerSetup setup;
  std::string output_file;
  std::string error_output_file;
  if (logs.has_value()) {
    const absl::StatusOr<std::string> folder = logs->make_rank_folder(place.attempt, rank);
    if (!folder.ok()) return folder.status();
    output_file = absl::StrCat(*folder, "/stdout.log");
    error_output_file = absl::StrCat(*folder, "/stderr.log");
    place.error_file = absl::StrCat(*folder, "/error.json");
  }
  // One process shares the terminal with nobody: there are no lines to tell apart, and it writes
  // there itself, with colours.
  const bool several = plan.is_multi_process();
  const Streams marked = several ? plan.output.tee.of(rank) : Streams();
  setup.standard_output = route(plan, rank, marked.out, /*is_relayed=*/false, output_file);
  setup.standard_error = route(plan, rank, marked.err, /*is_relayed=*/several, error_output_file);
  setup.variables = job.variables(place, store);
  if (rank < static_cast<int>(plan.cpu_sets.size())) setup.cpus = plan.cpu_sets[rank];
  return setup;
}

Outcome not_started(const LaunchPlan& plan, const absl::Status& status) {
  return {.exit_code = report_start(plan, status)};
}

Outcome run_attempt(const Job& job, int attempt, const std::optional<LogFolder>& logs,
                    SignalScope& signals) {
  const LaunchPlan& plan = job.plan;
  ListeningSocket store;
  StoreEndpoint endpoint = {.address = plan.main_process_ip, .port = plan.main_process_port};
  if (job.has_store && plan.machine_rank == 0) {
    absl::StatusOr<ListeningSocket> opened = open_listening_socket(
        plan.main_process_port, plan.num_machines > 1 ? Reach::kNetwork : Reach::kThisMachine);
    if (!opened.ok()) return not_started(plan, opened.status());
    store = *std::move(opened);
    endpoint.port = store.port;
  }
  if (job.takes_store_socket && store.fd.is_open()) {
    endpoint.listening_fd = store.fd.get();
  } else {
    store.fd.reset();
  }
  std::vector<WorkerSetup> setups;
  for (int rank = 0; rank < plan.num_processes; ++rank) {
    absl::StatusOr<WorkerSetup> setup =
        set_up(job, logs, endpoint, {.local_rank = rank, .attempt = attempt});
    if (!setup.ok()) return not_started(plan, setup.status());
    setups.push_back(*std::move(setup));
  }
  absl::StatusOr<Watchdog> watchdog = Watchdog::start();
  if (!watchdog.ok()) return not_started(plan, watchdog.status());

  WorkerGroup group(job.options.grace_period, signals, *watchdog);
  const absl::StatusOr<GroupEnd> end = group.run(std::move(store.fd), setups, job.worker);
  if (!end.ok()) return not_started(plan, end.status());
  return report(job, *end, attempt, group);
}

int run_job(const Job& job) {
  flush_standard_streams();
  warn_about_threads();
  std::optional<LogFolder> logs;
  if (!job.plan.output.log_dir.empty()) {
    absl::StatusOr<LogFolder> created = LogFolder::create(job.plan.output.log_dir, job.plan.run_id);
    if (!created.ok()) return report_start(job.plan, created.status());
    logs = *std::move(created);
  }
  SignalScope signals;
  if (!signals.is_open()) return report_start(job.plan, system_error("signalfd"));
  Outcome outcome = {.exit_code = 0, .is_restarted = true};
  // Each with a watchdog and a store of its own: the processes and connections of the one before
  // are gone, and their numbers may be anyone's.
  for (int attempt = 0; outcome.is_restarted; ++attempt) {
    outcome = run_attempt(job, attempt, logs, signals);
  }
  return outcome.exit_code;
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
