// Tells processes that share a file which of them are still alive.
//
//   hold_life_line(descriptor, rank);  // Until this process ends, or closes it.
//   if (!has_life_line(descriptor, 3)) report("rank 3 has died or left");
//
// Not between threads: a process does not see its own.
#pragma once

namespace accelerate::internal {

// Throws std::system_error if the file system has no locks.
void hold_life_line(int descriptor, int rank);

// Whether another process holds the life line of this rank.
bool has_life_line(int descriptor, int rank);

}  // namespace accelerate::internal
