// What people are told about the end of a group of workers.
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

// What a shell makes of the end, where no other attempt follows: that of the signal where it kept a
// failed one from being started again.
int exit_code(const LaunchPlan& plan, const GroupEnd& end, int attempt);

// Whole lines: which signal ended the group, or which rank failed, how, and what follows: the
// restart with this number, or what the rank wrote last; and which ranks had to be killed. Nothing
// where all went well, or where the end came from another machine.
std::string end_report(const LaunchPlan& plan, const GroupEnd& end,
                       const std::optional<int>& restart);

// " (restart 1 of 3)".
std::string count_of(int restart, const LaunchPlan& plan);

}  // namespace accelerate::launcher
