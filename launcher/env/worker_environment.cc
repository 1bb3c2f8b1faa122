#include "launcher/env/worker_environment.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/env/integer.h"
#include "launcher/env/truth_value.h"
#include "launcher/env/variable_names.h"

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

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || absl::StartsWith(address, "127.");
}

absl::Status read_global_place(const Variable& rank, const Variable& world_size,
                               WorkerEnvironment& worker) {
  const absl::StatusOr<int> size = to_integer(world_size, 1, IntegerRule().maximum);
  if (!size.ok()) return size.status();
  const absl::StatusOr<int> value = to_integer(rank, 0, IntegerRule().maximum);
  if (!value.ok()) return value.status();
  worker.world_size = *size;
  worker.rank = *value;
  return check_rank(rank, *value, world_size.name, *size);
}

// Without a value, `guess` holds where all ranks are on this machine.
absl::StatusOr<Variable> local_value(const Names& names, int guess, const WorkerEnvironment& worker,
                                     const EnvironmentLookup& lookup) {
  if (std::optional<Variable> variable = first_set(names, lookup)) return *std::move(variable);
  if (worker.world_size == 1 || is_loopback(worker.main_address)) {
    return Variable{names[0], absl::StrCat(guess)};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      names[0], " is not set, and ", kMainAddressVariable, "=", worker.main_address,
      " may be another machine; set ", kLocalRankVariable, " and ", kLocalWorldSizeVariable,
      " to this process's rank on its machine and to the number of processes there."));
}

absl::Status read_local_place(const EnvironmentLookup& lookup, WorkerEnvironment& worker) {
  const absl::StatusOr<Variable> local_rank =
      local_value(kLocalRankNames, worker.rank, worker, lookup);
  if (!local_rank.ok()) return local_rank.status();
  const absl::StatusOr<Variable> local_size =
      local_value(kLocalWorldSizeNames, worker.world_size, worker, lookup);
  if (!local_size.ok()) return local_size.status();

  const absl::StatusOr<int> size = to_integer(*local_size, 1, worker.world_size);
  if (!size.ok()) return size.status();
  const absl::StatusOr<int> value = to_integer(*local_rank, 0, IntegerRule().maximum);
  if (!value.ok()) return value.status();
  worker.local_world_size = *size;
  worker.local_rank = *value;
  return check_rank(*local_rank, *value, local_size->name, *size);
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
  const absl::StatusOr<bool> agent_store = read_truth_value(kAgentStoreVariable, lookup);
  if (!agent_store.ok()) return agent_store.status();
  worker.agent_store = *agent_store;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<WorkerEnvironment>> read_worker_environment(
    const EnvironmentLookup& lookup) {
  const std::optional<Variable> rank = first_set(kRankNames, lookup);
  const std::optional<Variable> world_size = first_set(kWorldSizeNames, lookup);
  if (!rank.has_value() && !world_size.has_value()) return std::nullopt;
  // Half a place is an error: without it N copies would train, each alone, without a word.
  if (!world_size.has_value()) return missing(*rank, kWorldSizeNames);
  if (!rank.has_value()) return missing(*world_size, kRankNames);

  WorkerEnvironment worker;
  worker.main_address = lookup(kMainAddressVariable).value_or(worker.main_address);
  absl::Status status = read_global_place(*rank, *world_size, worker);
  if (status.ok()) status = read_local_place(lookup, worker);
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
      {kAgentStoreVariable, std::nullopt},
  };
  if (worker.store_fd.has_value()) changes[kStoreFdVariable] = absl::StrCat(*worker.store_fd);
  if (worker.agent_store) changes[kAgentStoreVariable] = "True";
  return changes;
}

void export_worker_environment(const WorkerEnvironment& worker) {
  apply_environment_changes(worker_environment_changes(worker));
}

}  // namespace accelerate::launcher
