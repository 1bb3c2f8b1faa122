// The remark of `accelerate launch` about what nobody told it.
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

// The values that `plan` has by default, worded as the `accelerate launch` of Python words it, in
// lines; empty where a flag, the environment or a config file told all of them. With a config file
// only the number of threads counts.
std::string defaults_remark(const LaunchRequest& request, const LaunchPlan& plan);

}  // namespace accelerate::launcher
