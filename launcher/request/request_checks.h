// Whether a request is possible at all, for this launcher and for programs built here.
//
// Example:
//   absl::Status status = check_request(request, ProgramOrigin::kHere);
//   for (const std::string& remark : ignored_remarks(request, origin)) std::cerr << remark << "\n";
//
// Does not check against the machine: make_launch_plan() (launch_plan.h) does.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "launcher/request/launch_request.h"
#include "launcher/request/program_origin.h"

namespace accelerate::launcher {

// Unimplemented with a clear message if the run would silently be another one.
absl::Status check_request(const LaunchRequest& request, ProgramOrigin origin);

// Lines about parts of the request that have no effect; empty if there are none.
std::vector<std::string> ignored_remarks(const LaunchRequest& request, ProgramOrigin origin);

// A line about flags that have no effect on a process whose place among `world_size` another
// launcher has decided; empty if there are none. `typed` is the request as typed, not completed.
std::string dropped_flags_remark(const LaunchRequest& typed, int world_size);

// The same for a request whose processes mpirun starts; only a few flags are lost there.
std::string mpirun_flags_remark(const LaunchRequest& request);

}  // namespace accelerate::launcher
