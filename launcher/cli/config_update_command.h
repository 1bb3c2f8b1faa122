// `accelerate config update`: rewrites a config file, an old one too, as today's Accelerate does.
//
// Example:
//   return run_config_update({"--config_file", "old.yaml"}, Console());
//
// Not for changing values: it keeps everything in the file except comments.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_config_update(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
