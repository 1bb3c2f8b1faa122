// `accelerate test`: a check of this machine, by launching a program that is one.
//
// Example:
//   int code = run_test({"--config_file", "two_gpus.yaml"}, Console());
//
// Not for tests of this project: those are run by Bazel.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

// Runs `accelerate test` with these words behind it, the flags of `accelerate launch`, which get
// them. Returns the exit code: that of the launch where it failed.
int run_test(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
