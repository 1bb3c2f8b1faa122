// The report to the user about the end of a group of workers.
//
// Example:
//   group.print(end_report(plan, end, /*restart=*/std::nullopt));
//
// Not for workers that could not be started.
#pragma once

#include <optional>
#include <string>

#include "launcher/plan/launch_plan.h"
#include "launcher/supervisor/group_end.h"

namespace accelerate::launcher {

// Whether another attempt follows: a worker has failed, and the plan has restarts left.
bool is_restarted(const LaunchPlan& plan, const GroupEnd& end, int attempt);

// The exit code if no other attempt follows: that of the signal, if a signal prevented a restart.
int exit_code(const LaunchPlan& plan, const GroupEnd& end, int attempt);

// Whole lines: which signal ended the group, or which rank failed and how; then the number of the
// restart, or what the rank wrote last; and which ranks had to be killed. Empty if all went well,
// or if the end came from another machine.
std::string end_report(const LaunchPlan& plan, const GroupEnd& end,
                       const std::optional<int>& restart);

// " (restart 1 of 3)".
std::string count_of(int restart, const LaunchPlan& plan);

}  // namespace accelerate::launcher
