// A launch request with what the environment and the config file add to it.
//
// Example:
//   absl::StatusOr<CompletedRequest> completed = complete_request(request, process_environment);
//   if (!completed.ok()) return fail(completed.status());
//   for (const std::string& warning : completed->warnings) std::cerr << warning << "\n";
//
// When not to use it: in a worker, which reads no config file. There, complete_from_environment()
// is enough.
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

// The config file for `request`: the named one, otherwise the default one if it exists and --cpu
// was not typed.
std::optional<std::string> find_config(const LaunchRequest& request,
                                       const EnvironmentLookup& lookup);

// Fills in what `request` lacks from ACCELERATE_MIXED_PRECISION, MIXED_PRECISION,
// ACCELERATE_USE_CPU, ACCELERATE_DEBUG_MODE, ACCELERATE_CPU_AFFINITY, CUDA_VISIBLE_DEVICES,
// OMP_NUM_THREADS and those of sharding.h. InvalidArgument names the variable with a bad value.
absl::StatusOr<LaunchRequest> complete_from_environment(LaunchRequest request,
                                                        const EnvironmentLookup& lookup);

// The same, and then from the config file that find_config() finds. If the flags (--cpu, for
// example) ask for another kind of distribution than the file, the rest of the file still counts.
// Errors of the file are those of read_config() (read_config.h).
absl::StatusOr<CompletedRequest> complete_request(LaunchRequest request,
                                                  const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
