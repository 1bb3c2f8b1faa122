#include "launcher/env/worker_environment.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/env/integer.h"
#include "launcher/env/kubernetes_pod.h"
#include "launcher/env/meeting_place.h"
#include "launcher/env/open_mpi.h"
#include "launcher/env/size_limits.h"
#include "launcher/env/slurm_step.h"
#include "launcher/env/truth_value.h"
#include "launcher/env/variable_names.h"
#include "launcher/posix/address.h"

namespace accelerate::launcher {
namespace {

using Names = std::array<const char*, 4>;

constexpr Names kRankNames = {kRankVariable, "PMI_RANK", "OMPI_COMM_WORLD_RANK",
                              "MV2_COMM_WORLD_RANK"};
constexpr Names kWorldSizeNames = {kWorldSizeVariable, "PMI_SIZE", "OMPI_COMM_WORLD_SIZE",
                                   "MV2_COMM_WORLD_SIZE"};
constexpr Names kLocalRankNames = {kLocalRankVariable, "MPI_LOCALRANKID",
                                   "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK"};
constexpr Names kLocalWorldSizeNames = {kLocalWorldSizeVariable, "MPI_LOCALNRANKS",
                                        "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"};

constexpr char kCorrectOrUnset[] =
    "correct it, or unset the variables of the rank and the world size to run outside of a job.";

struct Variable {
  std::string name;
  std::string text;
};

std::optional<Variable> first_set(const Names& names, const EnvironmentLookup& lookup) {
  for (const char* name : names) {
    if (std::optional<std::string> text = lookup(name)) return Variable{name, *std::move(text)};
  }
  return std::nullopt;
}

absl::StatusOr<int> to_integer(const Variable& variable, int minimum, int maximum) {
  return parse_integer(
      variable.text,
      {.name = variable.name, .minimum = minimum, .maximum = maximum, .remedy = kCorrectOrUnset});
}

// `rank` is below `size`, which the variable `size_name` gave.
absl::Status check_rank(const Variable& rank, int value, const std::string& size_name, int size) {
  if (value < size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(rank.name, "=", rank.text, " is not below ",
                                                 size_name, "=", size, ", and ranks count from 0; ",
                                                 kCorrectOrUnset));
}

absl::Status missing(const Variable& present, const Names& absent) {
  return absl::InvalidArgumentError(
      absl::StrCat(present.name, "=", present.text, " is set, but ", absent[0], " is not (nor ",
                   absl::StrJoin(absent.begin() + 1, absent.end(), ", "), "); set ", absent[0],
                   ", or unset ", present.name, " to run outside of a job."));
}

absl::Status read_global_place(const Variable& rank, const Variable& world_size,
                               WorkerEnvironment& worker) {
  const absl::StatusOr<int> size = to_integer(world_size, 1, kMostProcesses);
  if (!size.ok()) return size.status();
  const absl::StatusOr<int> value = to_integer(rank, 0, IntegerRule().maximum);
  if (!value.ok()) return value.status();
  worker.world_size = *size;
  worker.rank = *value;
  return check_rank(rank, *value, world_size.name, *size);
}

absl::Status read_local_place(const Variable& local_rank, const Variable& local_size,
                              WorkerEnvironment& worker) {
  const absl::StatusOr<int> size = to_integer(local_size, 1, worker.world_size);
  if (!size.ok()) return size.status();
  const absl::StatusOr<int> value = to_integer(local_rank, 0, IntegerRule().maximum);
  if (!value.ok()) return value.status();
  worker.local_world_size = *size;
  worker.local_rank = *value;
  return check_rank(local_rank, *value, local_size.name, *size);
}

// The step of SLURM that this worker is a task of. Another one may surround it: it is then one of
// several processes that a task has started.
absl::StatusOr<std::optional<SlurmStep>> step_of(const WorkerEnvironment& worker,
                                                 const EnvironmentLookup& lookup) {
  absl::StatusOr<std::optional<SlurmStep>> step = read_slurm_step(lookup);
  if (!step.ok() || !step->has_value()) return step;
  const bool is_own = (*step)->task == worker.rank && (*step)->num_tasks == worker.world_size;
  return is_own ? step : std::nullopt;
}

// Reads what tells the place on this machine, and what is missing from the step, where there is
// one. Without either, all ranks are on this machine if they meet there.
absl::Status find_local_place(const EnvironmentLookup& lookup, WorkerEnvironment& worker) {
  std::optional<Variable> local_rank = first_set(kLocalRankNames, lookup);
  std::optional<Variable> local_size = first_set(kLocalWorldSizeNames, lookup);
  if (!local_rank.has_value() || !local_size.has_value()) {
    const absl::StatusOr<std::optional<SlurmStep>> step = step_of(worker, lookup);
    if (!step.ok()) return step.status();
    Variable rank_guess = {kLocalRankNames[0], absl::StrCat(worker.rank)};
    Variable size_guess = {kLocalWorldSizeNames[0], absl::StrCat(worker.world_size)};
    const std::string address = lookup(kMainAddressVariable).value_or(worker.main_address);
    if (step->has_value()) {
      rank_guess = {"SLURM_LOCALID", absl::StrCat((*step)->local_task)};
      size_guess = {"SLURM_STEP_TASKS_PER_NODE", absl::StrCat((*step)->num_local_tasks)};
    } else if (worker.world_size > 1 && !is_loopback(address)) {
      return absl::InvalidArgumentError(absl::StrCat(
          local_rank.has_value() ? size_guess.name : rank_guess.name, " is not set, and ",
          kMainAddressVariable, "=", address, " may be another machine; set ", kLocalRankVariable,
          " and ", kLocalWorldSizeVariable,
          " to this process's rank on its machine and to the number of processes there."));
    }
    local_rank = local_rank.value_or(rank_guess);
    local_size = local_size.value_or(size_guess);
  }
  return read_local_place(*local_rank, *local_size, worker);
}

bool is_of_mpi(const Variable& rank) { return rank.name != kRankVariable; }

absl::Status find_meeting_place(const Variable& rank, const EnvironmentLookup& lookup,
                                WorkerEnvironment& worker) {
  if (const auto address = lookup(kMainAddressVariable)) {
    worker.main_address = *address;
    return absl::OkStatus();
  }
  const absl::StatusOr<std::optional<SlurmStep>> step = step_of(worker, lookup);
  if (!step.ok()) return step.status();
  MeetingPlace place;
  if (step->has_value()) {
    place = (*step)->main;
  } else if (is_of_mpi(rank)) {
    const absl::StatusOr<MeetingPlace> found = open_mpi_meeting_place(
        {.rank = worker.rank, .size = worker.world_size, .local_size = worker.local_world_size},
        lookup);
    if (!found.ok()) return found.status();
    place = *found;
  }
  worker.main_address = place.address;
  worker.main_port = place.port;
  return absl::OkStatus();
}

absl::Status read_store(const EnvironmentLookup& lookup, WorkerEnvironment& worker) {
  // A worker connects to the store, and nobody can connect to port 0.
  if (const auto port = lookup(kMainPortVariable)) {
    const absl::StatusOr<int> value = to_integer({kMainPortVariable, *port}, 1, 65535);
    if (!value.ok()) return value.status();
    worker.main_port = *value;
  }
  if (const auto fd = lookup(kStoreFdVariable)) {
    const absl::StatusOr<int> value =
        parse_integer(*fd, {.name = kStoreFdVariable,
                            .remedy = "unset it, so that rank 0 opens the store's socket itself."});
    if (!value.ok()) return value.status();
    worker.store_fd = *value;
  }
  worker.rank_states = lookup(kRankStatesVariable).value_or("");
  worker.flight_record = lookup(kFlightRecordVariable).value_or("");
  worker.store_secret = lookup(kStoreSecretVariable).value_or("");
  const absl::StatusOr<bool> agent_store = read_truth_value(kAgentStoreVariable, lookup);
  if (!agent_store.ok()) return agent_store.status();
  worker.agent_store = *agent_store;
  if (const auto restarts = lookup(kRestartCountVariable)) {
    const absl::StatusOr<int> attempt =
        to_integer({kRestartCountVariable, *restarts}, 0, IntegerRule().maximum);
    if (!attempt.ok()) return attempt.status();
    worker.attempt = *attempt;
  }
  return absl::OkStatus();
}

std::optional<WorkerEnvironment> task_of(const SlurmStep& step) {
  // One alone may launch others.
  if (step.num_tasks == 1) return std::nullopt;
  return WorkerEnvironment{.rank = step.task,
                           .world_size = step.num_tasks,
                           .local_rank = step.local_task,
                           .local_world_size = step.num_local_tasks,
                           .main_address = step.main.address,
                           .main_port = step.main.port};
}

std::optional<WorkerEnvironment> process_of(const KubernetesPod& pod) {
  if (pod.num_processes != 1) return std::nullopt;
  return WorkerEnvironment{.rank = pod.rank,
                           .world_size = pod.num_pods,
                           .main_address = pod.main.address,
                           .main_port = pod.main.port};
}

// What nobody but the scheduler tells.
absl::StatusOr<std::optional<WorkerEnvironment>> read_slurm_task(const EnvironmentLookup& lookup) {
  const absl::StatusOr<std::optional<SlurmStep>> step = read_slurm_step(lookup);
  if (!step.ok()) return step.status();
  if (!step->has_value()) return std::nullopt;
  std::optional<WorkerEnvironment> worker = task_of(**step);
  if (!worker.has_value()) return std::nullopt;
  worker->main_address = lookup(kMainAddressVariable).value_or(worker->main_address);
  const absl::Status status = read_store(lookup, *worker);
  if (!status.ok()) return status;
  return worker;
}

}  // namespace

absl::StatusOr<std::optional<WorkerEnvironment>> read_worker_environment(
    const EnvironmentLookup& lookup) {
  const absl::StatusOr<std::optional<KubernetesPod>> pod = read_kubernetes_pod(lookup);
  if (!pod.ok()) return pod.status();
  if (pod->has_value()) return process_of(**pod);

  const std::optional<Variable> rank = first_set(kRankNames, lookup);
  const std::optional<Variable> world_size = first_set(kWorldSizeNames, lookup);
  if (!rank.has_value() && !world_size.has_value()) return read_slurm_task(lookup);
  // Half a place is an error: without it N copies would train, each alone, without a word.
  if (!world_size.has_value()) return missing(*rank, kWorldSizeNames);
  if (!rank.has_value()) return missing(*world_size, kRankNames);

  WorkerEnvironment worker;
  absl::Status status = read_global_place(*rank, *world_size, worker);
  if (status.ok()) status = find_local_place(lookup, worker);
  if (status.ok()) status = find_meeting_place(*rank, lookup, worker);
  if (status.ok()) status = read_store(lookup, worker);
  if (!status.ok()) return status;
  return worker;
}

EnvironmentChanges worker_environment_changes(const WorkerEnvironment& worker) {
  EnvironmentChanges changes = {
      {kRankVariable, absl::StrCat(worker.rank)},
      {kWorldSizeVariable, absl::StrCat(worker.world_size)},
      {kLocalRankVariable, absl::StrCat(worker.local_rank)},
      {kLocalWorldSizeVariable, absl::StrCat(worker.local_world_size)},
      {kMainAddressVariable, worker.main_address},
      {kMainPortVariable, absl::StrCat(worker.main_port)},
      {kStoreFdVariable, std::nullopt},
      {kRankStatesVariable, std::nullopt},
      {kFlightRecordVariable, std::nullopt},
      {kStoreSecretVariable, std::nullopt},
      {kAgentStoreVariable, std::nullopt},
      {kRestartCountVariable, absl::StrCat(worker.attempt)},
  };
  if (worker.store_fd.has_value()) changes[kStoreFdVariable] = absl::StrCat(*worker.store_fd);
  if (!worker.rank_states.empty()) changes[kRankStatesVariable] = worker.rank_states;
  if (!worker.flight_record.empty()) changes[kFlightRecordVariable] = worker.flight_record;
  if (!worker.store_secret.empty()) changes[kStoreSecretVariable] = worker.store_secret;
  if (worker.agent_store) changes[kAgentStoreVariable] = "True";
  return changes;
}

void export_worker_environment(const WorkerEnvironment& worker) {
  apply_environment_changes(worker_environment_changes(worker));
}

}  // namespace accelerate::launcher
