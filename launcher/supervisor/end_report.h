// What people are told about the end of a group of workers.
//
// Example:
//   group.print(end_report(plan, end, /*attempt=*/0));
//
// Not for workers that could not be started.
#pragma once

#include <string>

#include "launcher/plan/launch_plan.h"
#include "launcher/supervisor/group_end.h"

namespace accelerate::launcher {

// Whether another attempt follows: a worker has failed, and the plan has restarts left.
bool is_restarted(const LaunchPlan& plan, const GroupEnd& end, int attempt);

// Whole lines: which signal ended the group, or which rank failed, how, and what follows: another
// attempt, or what the rank wrote last. Nothing where all went well. `attempt` counts from 0.
std::string end_report(const LaunchPlan& plan, const GroupEnd& end, int attempt);

}  // namespace accelerate::launcher
