// `accelerate config`: asks questions and writes a config file from the answers.
//
// Example:
//   return run_config({"--config_file", "four_gpus.yaml"}, Console());
//
// Not for scripts: they run `accelerate config default` or `accelerate config update`, which ask
// nothing. run_config() runs these two as well.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_config(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
