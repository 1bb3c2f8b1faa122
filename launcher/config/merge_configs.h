// Merges configs with different precedence.
//
// Example:
//   const LaunchConfig config = merge_configs(from_flags, from_file);
//
// Not for filling in defaults: fill_missing_values() (launch_config.h) and the launch plan do that.
#pragma once

#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// The values of `over`, and those of `base` where `over` has none: member by member, and within
// sections key by key. A section's keys are in their long form (fsdp_version) in the result.
LaunchConfig merge_configs(LaunchConfig over, const LaunchConfig& base);

}  // namespace accelerate::launcher
