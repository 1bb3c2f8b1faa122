// A launch request with what the environment and the config file add to it.
//
// Example:
//   absl::StatusOr<CompletedRequest> completed = complete_request(request, process_environment);
//   if (!completed.ok()) return fail(completed.status());
//   for (const std::string& warning : completed->warnings) std::cerr << warning << "\n";
//
// Not for programs that a config file says nothing of, such as a worker: there
// complete_from_environment() is enough.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

struct CompletedRequest {
  LaunchRequest request = {};
  std::vector<std::string> warnings = {};  // Of the config file, a line each.
};

// The config file that matters to `request`: the one that is named, or else the default one where
// it exists and --cpu was not typed.
std::optional<std::string> find_config(const LaunchRequest& request,
                                       const EnvironmentLookup& lookup);

// Fills in what `request` lacks from ACCELERATE_MIXED_PRECISION, MIXED_PRECISION,
// ACCELERATE_USE_CPU, ACCELERATE_DEBUG_MODE, ACCELERATE_CPU_AFFINITY, CUDA_VISIBLE_DEVICES,
// OMP_NUM_THREADS and those of sharding.h. InvalidArgument names the variable with a bad value.
absl::StatusOr<LaunchRequest> complete_from_environment(LaunchRequest request,
                                                        const EnvironmentLookup& lookup);

// The same, and then from the config file that find_config() finds. A file for another kind of
// distribution than the flags ask for, --cpu among them, still tells the rest. Errors of the file
// are those of read_config() (read_config.h).
absl::StatusOr<CompletedRequest> complete_request(LaunchRequest request,
                                                  const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
