// What a supervisor may be told beside the plan.
//
// Example:
//   supervise(plan, train, {.grace_period = std::chrono::seconds(30)});
//
// Not for what a launch decides: that is in the LaunchPlan.
#pragma once

#include <chrono>

namespace accelerate::launcher {

struct SupervisorOptions {
  // How long workers that are told to stop may take before they are killed.
  std::chrono::milliseconds grace_period = std::chrono::seconds(5);
};

}  // namespace accelerate::launcher
