// `accelerate trace FOLDER`: what a profiler has written of each rank, on one time line.
//
// Example:
//   return run_trace({"traces", "--output=trace.json"}, Console());
//
// Not for recording one: that is Accelerator::profile().
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_trace(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
