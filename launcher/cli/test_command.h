// `accelerate test`: checks this machine by launching a test program.
//
// Example:
//   int code = run_test({"--config_file", "two_gpus.yaml"}, Console());
//
// Not for tests of this project: Bazel runs those.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

// Runs `accelerate test` with `words`, which are flags for `accelerate launch`. Returns the exit
// code: that of the launch if it failed.
int run_test(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
