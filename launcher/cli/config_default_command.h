// `accelerate config default`: writes a config file for this machine without asking anything.
//
// Example:
//   return run_config_default({"--mixed_precision=bf16"}, Console());
//
// Does not replace an existing file.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"
#include "launcher/config/launch_config.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

int run_config_default(const std::vector<std::string>& words, const Console& console);

// What it writes for a machine with `num_gpus` GPUs.
LaunchConfig machine_config(int num_gpus, MixedPrecision precision);

}  // namespace accelerate::launcher
