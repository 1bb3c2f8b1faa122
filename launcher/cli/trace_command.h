// `accelerate trace FOLDER`: merges the profiler traces of all ranks into one timeline.
//
// Example:
//   return run_trace({"traces", "--output=trace.json"}, Console());
//
// Not for recording a trace: Accelerator::profile() does that.
#pragma once

#include <string>
#include <vector>

#include "launcher/cli/console.h"

namespace accelerate::launcher {

int run_trace(const std::vector<std::string>& words, const Console& console);

}  // namespace accelerate::launcher
