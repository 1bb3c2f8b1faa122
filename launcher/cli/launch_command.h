// `accelerate launch`: starts a program in as many processes as were asked for.
//
// Example:
//   return run_launch({"--num_processes=2", "train.py", "--epochs=3"}, Console());
//
// Not for a program that is to launch itself: ACCELERATE_MAIN has the same plan and supervisor.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

// Returns what the command exits with: the code of the rank that failed first, 2 where nothing was
// started because of what was asked for. To be called while this process has one thread.
int run_launch(const std::vector<std::string>& words, const Console& console);

// The same without the remark on defaults that nobody chose, for a program that comes with this
// command and may be started by a script.
int run_launch_of_own_program(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
