// How large a run may be said to be: far above any that there is, and far below what would
// overflow, or take all memory, before somebody notices the slip of the finger.
//
// Example:
//   parse_integer(text, {.name = "--num_machines", .minimum = 1, .maximum = kMostMachines,
//                       .remedy = "count them again"});
//
// Not what a machine bears: how many processes it starts is decided where it is known
// (launcher/plan/launch_plan.h).
#pragma once

namespace accelerate::launcher {

inline constexpr int kMostMachines = 100'000;
inline constexpr int kMostProcesses = 1'000'000;  // Of all machines together.
inline constexpr int kMostThreads = 4096;         // Of one process: more only wait for each other.
inline constexpr int kLongestGracePeriod = 7 * 24 * 3600;  // In seconds.
inline constexpr int kLongestHangTimeout = 7 * 24 * 3600;  // In seconds.

}  // namespace accelerate::launcher
