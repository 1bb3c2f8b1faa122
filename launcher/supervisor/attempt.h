// One attempt of a job on this machine: its store, the environment of its workers, their run.
//
// Example:
//   absl::StatusOr<Store> store = open_store(job, plan.main_process_port, Reach::kThisMachine);
//   absl::StatusOr<AttemptEnd> end =
//       run_attempt(job, {.number = 0, .store = *std::move(store)}, logs, scope);
//   if (end.ok()) end->print(end_report(job.plan, end->group, std::nullopt));
//
// Does not decide what follows: supervise() (supervisor.h) does.
#pragma once

#include <signal.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/plan/launch_plan.h"
#include "launcher/plan/worker_variables.h"
#include "launcher/posix/file_descriptor.h"
#include "launcher/posix/listening_socket.h"
#include "launcher/posix/signal_scope.h"
#include "launcher/rendezvous/job_link.h"
#include "launcher/supervisor/adoption.h"
#include "launcher/supervisor/group_end.h"
#include "launcher/supervisor/log_folder.h"
#include "launcher/supervisor/program_execution.h"
#include "launcher/supervisor/watchdog.h"
#include "launcher/supervisor/worker_group.h"

namespace accelerate::launcher {

struct Job {
  LaunchPlan plan;
  std::function<int()> worker;
  std::function<EnvironmentChanges(const LaunchPlan&, const WorkerPlace&, const StoreEndpoint&)>
      variables;
  bool has_store = true;                  // The workers meet in a store.
  bool takes_store_socket = true;         // Rank 0 takes over its socket; otherwise it opens it.
  ProgramExecution* execution = nullptr;  // Set if `worker` executes another program.
  std::string program = "";               // The file that must be the same on all machines, if any.
};

// Where the workers meet, and the socket if rank 0 inherits it.
struct Store {
  StoreEndpoint endpoint = {};
  FileDescriptor socket = {};
};

// Listens at `port`, 0 for any free one, for rank 0 of the job. Errors are those of
// open_listening_socket() (listening_socket.h).
absl::StatusOr<Store> open_store(const Job& job, int port, Reach reach);

struct Attempt {
  int number = 0;
  Store store = {};
  JobLink* link = nullptr;  // To the other machines, if there are any.
};

// How an attempt ended. print() writes after what the workers wrote.
class AttemptEnd {
 public:
  AttemptEnd(std::unique_ptr<Watchdog> watchdog, std::unique_ptr<WorkerGroup> workers,
             GroupEnd group)
      : group(std::move(group)), watchdog_(std::move(watchdog)), workers_(std::move(workers)) {}

  void print(std::string_view lines) { workers_->print(lines); }

  GroupEnd group;

 private:
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<WorkerGroup> workers_;
};

// What all attempts of a job share: the receivers of signals and orphans, and losses that another
// attempt does not repair.
struct JobScope {
  // SIGQUIT ends nothing here, and is ignored in the background of a script, so it is always taken.
  SignalScope signals{{SIGUSR2, SIGTSTP, SIGCONT}, /*always=*/{SIGQUIT}};
  Adoption adoption = {};
  bool has_lost_output = false;  // In some attempt so far.
};

// Makes the folder for the output, if the plan keeps it.
absl::StatusOr<std::optional<LogFolder>> make_log_folder(const LaunchPlan& plan);

// Runs the workers until they end. An error if not all could be started.
absl::StatusOr<AttemptEnd> run_attempt(const Job& job, Attempt attempt,
                                       const std::optional<LogFolder>& logs, JobScope& scope);

// The exit code if the workers of this attempt could not be started: 2 if the request cannot be
// satisfied and nothing ran; 1 if the machine or a restart failed.
int start_exit_code(const absl::Status& status, int attempt);

// Says why the workers could not be started, and returns that code.
int report_start(const LaunchPlan& plan, const absl::Status& status, int attempt = 0);

}  // namespace accelerate::launcher
