// What Python programs find in their environment about features that only they have: FSDP,
// DeepSpeed, Megatron-LM, several dimensions of parallelism, fp8, torch.compile.
//
// Example:
//   absl::StatusOr<EnvironmentChanges> variables = python_variables(request, process_environment);
//   if (variables.ok()) plan.environment.merge(*variables);
//
// Not for programs that are built here: they have none of these.
#pragma once

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// The variables that the `accelerate launch` of Python sets for the same request, with the same
// defaults; but a sharding strategy that a config file gives as fsdp_reshard_after_forward, as its
// questionnaire writes it for version 1, counts. InvalidArgument where the request contradicts
// itself. `lookup` tells what the launcher's user has set.
absl::StatusOr<EnvironmentChanges> python_variables(const LaunchRequest& request,
                                                    const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
