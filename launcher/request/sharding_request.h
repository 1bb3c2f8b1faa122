// What a request says about sharding to a program built here, in terms of FSDP or DeepSpeed.
//
// Part of a launch request and its plan; not for others. Python programs find all of it in their
// environment: see python_variables.h (launcher/plan).
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/sharding.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

struct ShardingRequest {
  ShardingWay way = ShardingWay::kNone;
  std::optional<Sharding> sharding = std::nullopt;  // No value if nothing was said about it.
  // The variables from which read_sharding() reads it in a worker.
  EnvironmentChanges variables = {};
};

// Unimplemented or InvalidArgument as find_sharding() (sharding.h), and also for settings of
// DeepSpeed's own launcher. Messages name values from flags and files by their keys.
absl::StatusOr<ShardingRequest> read_sharding_request(const LaunchRequest& request);

// Adds the variables of sharding.h to `request`, which so far has only what flags say.
void complete_sharding(const EnvironmentLookup& lookup, LaunchRequest& request);

}  // namespace accelerate::launcher
