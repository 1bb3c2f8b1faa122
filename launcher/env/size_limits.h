// Limits on the numbers that a user may type: far above any real run, and far below values that
// overflow or exhaust memory.
//
// Example:
//   parse_integer(text, {.name = "--num_machines", .minimum = 1, .maximum = kMostMachines,
//                       .remedy = "count them again"});
//
// Not the capacity of a machine: launcher/plan/launch_plan.h limits the number of its processes.
#pragma once

namespace accelerate::launcher {

inline constexpr int kMostMachines = 100'000;
inline constexpr int kMostProcesses = 1'000'000;  // On all machines together.
inline constexpr int kMostThreads = 4096;         // In one process: more only wait for each other.
inline constexpr int kLongestGracePeriod = 7 * 24 * 3600;  // In seconds.
inline constexpr int kLongestHangTimeout = 7 * 24 * 3600;  // In seconds.

}  // namespace accelerate::launcher
