#include "launcher/supervisor/attempt.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/env/rank_states.h"
#include "launcher/posix/output_writer.h"
#include "launcher/posix/random_secret.h"
#include "launcher/supervisor/flight_reporter.h"
#include "launcher/supervisor/open_file_limit.h"

namespace accelerate::launcher {
namespace {

struct RouteOptions {
  bool is_marked = false;
  bool is_relayed = false;
  bool is_shown = true;
};

OutputRoute route(const LaunchPlan& plan, int rank, const RouteOptions& options,
                  const std::string& log_file) {
  return {.is_relayed =
              options.is_relayed || options.is_marked || !options.is_shown || !log_file.empty(),
          .prefix = options.is_marked ? absl::StrCat("[", plan.role, rank, "]:") : "",
          .log_file = log_file,
          .is_shown = options.is_shown};
}

absl::StatusOr<WorkerSetup> set_up(const Job& job, const std::optional<LogFolder>& logs,
                                   const StoreEndpoint& store, WorkerPlace place) {
  const LaunchPlan& plan = job.plan;
  // Among all: several machines may write to one terminal or disk.
  const int rank = plan.rank_of(place.local_rank);
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
  const bool is_shown = plan.output.shows(place.local_rank);
  setup.standard_output =
      route(plan, rank, {.is_marked = marked.out, .is_shown = is_shown}, output_file);
  setup.standard_error =
      route(plan, rank, {.is_marked = marked.err, .is_relayed = several, .is_shown = is_shown},
            error_output_file);
  setup.variables = job.variables(plan, place, store);
  if (place.local_rank < static_cast<int>(plan.cpu_sets.size())) {
    setup.cpus = plan.cpu_sets[place.local_rank];
  }
  return setup;
}

// What this process keeps open for its workers; and what rank 0 does where all connect to it.
OpenFiles files_of(const LaunchPlan& plan, const std::vector<WorkerSetup>& setups) {
  constexpr std::uint64_t kOthers = 48;
  OpenFiles files = {.needed = kOthers, .welcome = kOthers};
  for (const WorkerSetup& setup : setups) {
    for (const OutputRoute* route : {&setup.standard_output, &setup.standard_error}) {
      files.needed += (route->is_relayed ? 1 : 0) + (route->log_file.empty() ? 0 : 1);
    }
  }
  if (plan.is_multi_process()) files.welcome += 2 * static_cast<std::uint64_t>(plan.world_size());
  return files;
}

}  // namespace

absl::StatusOr<Store> open_store(const Job& job, int port, Reach reach) {
  absl::StatusOr<ListeningSocket> opened = open_listening_socket(port, reach);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::string> secret = random_secret();
  if (!secret.ok()) return secret.status();
  Store store = {
      .endpoint = {.address = job.plan.main_process_ip, .port = opened->port, .secret = *secret}};
  if (job.takes_store_socket) {
    store.endpoint.listening_fd = opened->fd.get();
    store.socket = std::move(opened->fd);
  }
  return store;
}

absl::StatusOr<std::optional<LogFolder>> make_log_folder(const LaunchPlan& plan) {
  if (plan.output.log_dir.empty()) return std::nullopt;
  absl::StatusOr<LogFolder> created = LogFolder::create(plan.output.log_dir, log_name(plan));
  if (!created.ok()) return created.status();
  return *std::move(created);
}

absl::StatusOr<AttemptEnd> run_attempt(const Job& job, Attempt attempt,
                                       const std::optional<LogFolder>& logs, JobScope& scope) {
  absl::StatusOr<RankStates> states = RankStates::create(job.plan.num_processes);
  if (!states.ok()) return states.status();
  FlightReporter reporter({.num_ranks = job.plan.num_processes,
                           .first_rank = job.plan.rank_of(0),
                           .world_size = job.plan.world_size(),
                           .hang_timeout = job.plan.hang_timeout,
                           .folder = logs.has_value() ? logs->path() : "."});
  std::vector<WorkerSetup> setups;
  for (int rank = 0; rank < job.plan.num_processes; ++rank) {
    absl::StatusOr<WorkerSetup> setup = set_up(job, logs, attempt.store.endpoint,
                                               {.local_rank = rank,
                                                .rank_states = states->path(),
                                                .flight_record = reporter.path(),
                                                .attempt = attempt.number});
    if (!setup.ok()) return setup.status();
    setups.push_back(*std::move(setup));
  }
  const absl::Status room = make_room_for_files(files_of(job.plan, setups));
  if (!room.ok()) return room;
  absl::StatusOr<Watchdog> started = Watchdog::start(scope.adoption.mark());
  if (!started.ok()) return started.status();
  auto watchdog = std::make_unique<Watchdog>(*std::move(started));
  WorkerGroupOptions options = {.grace_period = job.plan.grace_period,
                                .first_rank = job.plan.rank_of(0)};
  if (job.execution != nullptr) {
    options.start_failure = [&execution = *job.execution] { return execution.failure(); };
  }
  auto group =
      std::make_unique<WorkerGroup>(std::move(options), scope.signals, scope.adoption, *watchdog,
                                    *std::move(states), std::move(reporter), attempt.link);
  absl::StatusOr<GroupEnd> end = group->run(std::move(attempt.store.socket), setups, job.worker);
  if (!end.ok()) return end.status();
  scope.has_lost_output = end->has_lost_output = scope.has_lost_output || end->has_lost_output;
  return AttemptEnd(std::move(watchdog), std::move(group), *std::move(end));
}

int start_exit_code(const absl::Status& status, int attempt) {
  return attempt == 0 && !absl::IsResourceExhausted(status) ? 2 : 1;
}

int report_start(const LaunchPlan& plan, const absl::Status& status, int attempt) {
  print_to_errors(absl::StrCat(
      "accelerate: cannot start ", plan.num_processes,
      plan.num_processes == 1 ? " process: " : " processes: ", status.message(), "\n"));
  return start_exit_code(status, attempt);
}

}  // namespace accelerate::launcher
