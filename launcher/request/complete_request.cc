#include "launcher/request/complete_request.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "launcher/config/default_config.h"
#include "launcher/config/merge_configs.h"
#include "launcher/config/read_config.h"
#include "launcher/env/integer.h"
#include "launcher/env/mixed_precision.h"
#include "launcher/env/size_limits.h"
#include "launcher/env/truth_value.h"
#include "launcher/env/variable_names.h"
#include "launcher/names/nearest_name.h"
#include "launcher/request/sharding_request.h"

namespace accelerate::launcher {
namespace {

absl::Status read_precision(const EnvironmentLookup& lookup, LaunchConfig& config) {
  for (const char* variable : {kMixedPrecisionVariable, kMixedPrecisionFallbackVariable}) {
    const std::optional<std::string> text = lookup(variable);
    if (!text.has_value()) continue;
    config.mixed_precision = find_mixed_precision(*text);
    if (config.mixed_precision.has_value()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(variable, "=", *text, " is not valid; ",
                                                   suggestion(*text, mixed_precision_words())));
  }
  return absl::OkStatus();
}

absl::Status read_switches(const EnvironmentLookup& lookup, LaunchConfig& config) {
  const std::array<std::pair<const char*, std::optional<bool> LaunchConfig::*>, 3> switches = {{
      {kUseCpuVariable, &LaunchConfig::use_cpu},
      {kDebugModeVariable, &LaunchConfig::debug},
      {kCpuAffinityVariable, &LaunchConfig::enable_cpu_affinity},
  }};
  for (const auto& [variable, member] : switches) {
    const std::optional<std::string> text = lookup(variable);
    if (!text.has_value()) continue;
    const absl::StatusOr<bool> value = parse_truth_value(variable, *text);
    if (!value.ok()) return value.status();
    config.*member = *value;
  }
  return absl::OkStatus();
}

absl::StatusOr<LaunchConfig> read_environment(const EnvironmentLookup& lookup) {
  LaunchConfig config = {.gpu_ids = lookup(kVisibleGpusVariable)};
  absl::Status status = read_precision(lookup, config);
  if (status.ok()) status = read_switches(lookup, config);
  if (!status.ok()) return status;
  return config;
}

absl::Status fill_threads(const EnvironmentLookup& lookup, LaunchRequest& request) {
  const std::optional<std::string> text = lookup(kThreadsVariable);
  if (request.threads_per_process.has_value() || !text.has_value()) return absl::OkStatus();
  // OpenMP allows a list with a number for each level of nesting; the first is the outermost.
  const absl::StatusOr<int> threads =
      parse_integer(text->substr(0, text->find(',')),
                    {.name = kThreadsVariable,
                     .minimum = 1,
                     .maximum = kMostThreads,
                     .remedy = "unset it to share the cores among the processes."});
  if (threads.ok()) request.threads_per_process = *threads;
  return threads.status();
}

// A typed --cpu excludes the other ways of training, which a file can only name by its type.
LaunchConfig on_the_cpu(LaunchConfig file) {
  if (file.distributed_type == DistributedType::kNo) return file;
  file.distributed_type = DistributedType::kMultiCpu;
  file.parallelism_config.clear();
  return file;
}

}  // namespace

std::optional<std::string> find_config(const LaunchRequest& request,
                                       const EnvironmentLookup& lookup) {
  if (request.config_file.has_value()) return request.config_file;
  return request.is_cpu_typed ? std::nullopt : find_default_config(lookup);
}

absl::StatusOr<LaunchRequest> complete_from_environment(LaunchRequest request,
                                                        const EnvironmentLookup& lookup) {
  const absl::Status threads = fill_threads(lookup, request);
  if (!threads.ok()) return threads;
  complete_sharding(lookup, request);
  const absl::StatusOr<LaunchConfig> environment = read_environment(lookup);
  if (!environment.ok()) return environment.status();
  request.config = merge_configs(std::move(request.config), *environment);
  return request;
}

absl::StatusOr<CompletedRequest> complete_request(LaunchRequest request,
                                                  const EnvironmentLookup& lookup) {
  absl::StatusOr<LaunchRequest> begun = complete_from_environment(std::move(request), lookup);
  if (!begun.ok()) return begun.status();
  CompletedRequest completed = {.request = *std::move(begun)};
  const bool is_numbered = completed.request.config.machine_rank.has_value();
  if (const std::optional<std::string> path = find_config(completed.request, lookup)) {
    absl::StatusOr<ReadConfig> read = read_config(*path);
    if (!read.ok()) return read.status();
    completed.warnings = std::move(read->warnings);
    completed.request.config =
        merge_configs(std::move(completed.request.config),
                      completed.request.is_cpu_typed ? on_the_cpu(read->config) : read->config);
    completed.request.file = std::move(read->config);
  }
  // Each file that was written by `config` says 0, also where machines are to be numbered as they
  // arrive; the first is then the one with the address.
  LaunchConfig& config = completed.request.config;
  if (!is_numbered && config.rdzv_backend == "c10d" && config.machine_rank == 0) {
    config.machine_rank = std::nullopt;
  }
  // A flag beats the file.
  if (completed.request.processes_per_machine.has_value()) {
    completed.request.config.num_processes = std::nullopt;
  }
  return completed;
}

}  // namespace accelerate::launcher
