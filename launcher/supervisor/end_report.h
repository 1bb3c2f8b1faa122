// What people are told about the end of a group of workers.
//
// Example:
//   group.print(end_report(plan, end));
//
// Not for workers that could not be started.
#pragma once

#include <string>

#include "launcher/plan/launch_plan.h"
#include "launcher/supervisor/group_end.h"

namespace accelerate::launcher {

// Whole lines: which signal ended the group, or which rank failed, how, and what it wrote last.
// Nothing where all went well.
std::string end_report(const LaunchPlan& plan, const GroupEnd& end);

}  // namespace accelerate::launcher
