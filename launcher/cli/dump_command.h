// `accelerate dump PID`: shows where the processes of a run are, without ending it.
//
// Example:
//   return run_dump({"4711"}, Console());
//
// Not for processes on another machine: run it there.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_dump(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
