#include "launcher/supervisor/supervisor.h"

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
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/environment.h"
#include "launcher/plan/program_variables.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/posix/output_writer.h"
#include "launcher/posix/system_error.h"
#include "launcher/supervisor/attempt.h"
#include "launcher/supervisor/end_report.h"
#include "launcher/supervisor/log_folder.h"
#include "launcher/supervisor/program_execution.h"
#include "launcher/supervisor/restart_pause.h"
#include "launcher/supervisor/several_machines.h"

namespace accelerate::launcher {
namespace {

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
  print_to_errors(absl::StrCat("accelerate: this process has ", threads,
                               " threads; its workers keep only one of them, and may hang. Start "
                               "threads in the workers, after the launch.\n"));
}

struct Outcome {
  int exit_code = 0;
  bool is_restarted = false;
};

// Says how the attempt ended.
Outcome report(const Job& job, AttemptEnd& end, int attempt) {
  const absl::Status failure =
      job.execution == nullptr ? absl::OkStatus() : job.execution->failure();
  if (!failure.ok()) {
    end.print(absl::StrCat("accelerate: ", failure.message(), "\n"));
    return {.exit_code = execution_exit_code(failure)};
  }
  const bool restarts = is_restarted(job.plan, end.group, attempt);
  const std::optional<int> restart = restarts ? std::optional<int>(attempt + 1) : std::nullopt;
  if (!job.plan.quiet) end.print(end_report(job.plan, end.group, restart));
  return {.exit_code = exit_code(job.plan, end.group, attempt), .is_restarted = restarts};
}

Outcome run_once(const Job& job, int number, const std::optional<LogFolder>& logs,
                 JobScope& scope) {
  const LaunchPlan& plan = job.plan;
  Attempt attempt = {.number = number};
  if (job.has_store) {
    absl::StatusOr<Store> store = open_store(job, plan.main_process_port, Reach::kThisMachine);
    if (!store.ok()) return {.exit_code = report_start(plan, store.status(), number)};
    attempt.store = *std::move(store);
  }
  absl::StatusOr<AttemptEnd> end = run_attempt(job, std::move(attempt), logs, scope);
  if (!end.ok()) return {.exit_code = report_start(plan, end.status(), number)};
  return report(job, *end, number);
}

int run_job(const Job& job) {
  flush_standard_streams();
  warn_about_threads();
  JobScope scope;
  if (!scope.signals.is_open()) return report_start(job.plan, system_error("signalfd"));
  if (job.plan.num_machines > 1) return run_on_several_machines(job, scope);
  const absl::StatusOr<std::optional<LogFolder>> logs = make_log_folder(job.plan);
  if (!logs.ok()) return report_start(job.plan, logs.status());
  Outcome outcome = {.exit_code = 0, .is_restarted = true};
  // Each with a watchdog and a store of its own: the processes and connections of the one before
  // are gone, and their numbers may be anyone's.
  for (int attempt = 0; outcome.is_restarted; ++attempt) {
    const auto signal = wait_unless_signalled(restart_pause(job.plan, attempt), scope.signals);
    if (signal.has_value()) {
      print_to_errors(end_report(job.plan, {.received_signal = signal}, std::nullopt));
      return 128 + *signal;
    }
    outcome = run_once(job, attempt, *logs, scope);
  }
  return outcome.exit_code;
}

}  // namespace

int supervise(const LaunchPlan& plan, const std::function<int()>& worker) {
  return run_job(
      {.plan = plan, .worker = worker, .variables = worker_variables, .program = "/proc/self/exe"});
}

int supervise_program(const LaunchPlan& plan, const Command& command) {
  absl::StatusOr<ProgramExecution> execution = ProgramExecution::prepare(command);
  if (!execution.ok()) return report_start(plan, execution.status());
  const bool has_store = needs_rendezvous(plan, command);
  // A shell or an interpreter may well be another on each machine.
  const std::string program =
      command.takes_store_socket ? find_program(command.argv[0], process_environment) : "";
  return run_job(
      {.plan = plan,
       .worker = [&]() -> int { execution->execute(); },
       .variables =
           [&](const LaunchPlan& ranked, const WorkerPlace& place, const StoreEndpoint& store) {
             return program_variables(ranked, command, place, store);
           },
       .has_store = has_store,
       .takes_store_socket = has_store&& command.takes_store_socket,
       .execution = &*execution,
       .program = program});
}

}  // namespace accelerate::launcher
