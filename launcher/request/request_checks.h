// Whether what was asked for can be had at all: by this launcher, and by programs built here.
//
// Example:
//   absl::Status status = check_request(request, ProgramOrigin::kHere);
//   for (const std::string& remark : ignored_remarks(request, origin)) std::cerr << remark << "\n";
//
// Not a check against the machine: make_launch_plan() (launch_plan.h) does that.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "launcher/request/launch_request.h"
#include "launcher/request/program_origin.h"

namespace accelerate::launcher {

// Unimplemented with a sentence where something would have to be silently run as something else.
absl::Status check_request(const LaunchRequest& request, ProgramOrigin origin);

// A line for what the request has and nobody reads, none where there is nothing.
std::vector<std::string> ignored_remarks(const LaunchRequest& request, ProgramOrigin origin);

// A line about the flags in `typed`, a request that nothing has completed, that mean nothing to a
// process whose place among `world_size` others have decided; empty where there are none.
std::string dropped_flags_remark(const LaunchRequest& typed, int world_size);

// The same of a request whose processes mpirun starts, where nothing but a few flags is lost.
std::string mpirun_flags_remark(const LaunchRequest& request);

}  // namespace accelerate::launcher
