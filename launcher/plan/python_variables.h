// The environment variables for features that only Python programs have: FSDP, DeepSpeed,
// Megatron-LM, several dimensions of parallelism, fp8, torch.compile.
//
// Example:
//   absl::StatusOr<EnvironmentChanges> variables = python_variables(request, process_environment);
//   if (variables.ok()) plan.environment.merge(*variables);
//
// Not for programs built here: they have none of these features.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// The variables that Python's `accelerate launch` sets for the same request, with the same
// defaults. One difference: a sharding strategy in the key fsdp_reshard_after_forward, where
// Python's questionnaire writes it for version 1, counts. InvalidArgument if the request
// contradicts itself. `lookup` reads the user's environment.
absl::StatusOr<EnvironmentChanges> python_variables(const LaunchRequest& request,
                                                    const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
