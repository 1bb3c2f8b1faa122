// The pause between the attempts of a job, so that a job that fails at once does not restart
// hundreds of times a second, each time with new folders, ports and processes.
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

// The pause before this attempt: none before the first one, then twice as long each time, up to 10
// s.
std::chrono::milliseconds restart_pause(const LaunchPlan& plan, int attempt);

// Waits, and returns the signal that ends a job if one came meanwhile.
std::optional<int> wait_unless_signalled(std::chrono::milliseconds time, SignalScope& signals);

// The next signal that ends a job, if one has come. Signals for workers have no effect, because
// none runs; SIGTSTP stops this process.
std::optional<int> take_ending_signal(SignalScope& signals);

}  // namespace accelerate::launcher
