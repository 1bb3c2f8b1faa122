// The remark of `accelerate launch` about values that the user did not set.
//
// Example:
//   std::cerr << defaults_remark(request, plan);
//
// Not for programs that launch themselves, however they are started: their users expect no such
// remark.
#pragma once

#include <string>

#include "launcher/plan/launch_plan.h"
#include "launcher/request/launch_request.h"

namespace accelerate::launcher {

// Lines about the values that `plan` has by default, in the words of Python's `accelerate launch`;
// empty if a flag, the environment or a config file set all of them. With a config file, only the
// number of threads counts.
std::string defaults_remark(const LaunchRequest& request, const LaunchPlan& plan);

}  // namespace accelerate::launcher
