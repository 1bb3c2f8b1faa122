// `accelerate launch`: starts a program in several processes.
//
// Example:
//   return run_launch({"--num_processes=2", "train.py", "--epochs=3"}, Console());
//
// Not for a program that launches itself: ACCELERATE_MAIN uses the same plan and supervisor.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

// Returns the exit code: that of the rank that failed first, or 2 if nothing was started because
// the request was wrong. Call it while this process has one thread.
int run_launch(const std::vector<std::string>& words, const Console& console);

// The same without the remark on default values, for a program that comes with this command and may
// be started by a script.
int run_launch_of_own_program(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
