// The time between the attempts of a job, so that one that fails at once does not fail hundreds of
// times a second, each with folders, ports and processes of its own.
//
// Example:
//   const auto signal = wait_unless_signalled(restart_pause(plan, /*attempt=*/2), signals);
//   if (signal.has_value()) return 128 + *signal;
//
// Not for a group that is being stopped: that has its grace period.
#pragma once

#include <chrono>
#include <optional>

#include "launcher/plan/launch_plan.h"
#include "launcher/posix/signal_scope.h"

namespace accelerate::launcher {

// Before this attempt: none before the first one, then twice as long each time, up to 10 s.
std::chrono::milliseconds restart_pause(const LaunchPlan& plan, int attempt);

// Returns which signal that ends a job came meanwhile, if one did.
std::optional<int> wait_unless_signalled(std::chrono::milliseconds time, SignalScope& signals);

// The next signal that ends a job, if one has come. Those that concern processes, of which none
// runs, have no effect, and SIGTSTP stops this process.
std::optional<int> take_ending_signal(SignalScope& signals);

}  // namespace accelerate::launcher
