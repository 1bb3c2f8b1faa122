// `accelerate checkpoint list|show|verify|remove`: what a training run has saved, looked at without
// the program that saved it.
//
// Example:
//   return run_checkpoint({"verify", "run1"}, Console());
//
// Not for resuming from a checkpoint: the library does that.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_checkpoint(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
