// `accelerate env`: what a bug report should say about the machine, the build and the config.
//
// Example:
//   return run_env({}, Console());
//
// Never fails because something is missing.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_env(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
