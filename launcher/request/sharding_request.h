// What a request says about sharding to a program that is built here, in the words of FSDP or of
// DeepSpeed.
//
// Part of a launch request and its plan; not for others. Python programs find all that was said in
// their environment: see python_variables.h (launcher/plan).
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/env/sharding.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

struct ShardingRequest {
  ShardingWay way = ShardingWay::kNone;
  std::optional<Sharding> sharding = std::nullopt;  // Nothing where nobody says anything of it.
  // That read_sharding() reads it back from in a worker.
  EnvironmentChanges variables = {};
};

// Unimplemented or InvalidArgument as find_sharding() (sharding.h), where what a flag or a file
// says is named by its key, and also for what only a launcher of DeepSpeed's would do.
absl::StatusOr<ShardingRequest> read_sharding_request(const LaunchRequest& request);

// Notes in `request`, which has what flags say and no more, what variables of sharding.h add.
void complete_sharding(const EnvironmentLookup& lookup, LaunchRequest& request);

}  // namespace accelerate::launcher
