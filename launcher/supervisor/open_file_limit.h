// Room for as many open files as a launch needs.
//
// Example:
//   const absl::Status room = make_room_for_files({.needed = 1100, .welcome = 2000});
//   if (!room.ok()) return room;
//
// Not for telling how many are open.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace accelerate::launcher {

struct OpenFiles {
  std::uint64_t needed = 0;   // Without so many the launch fails.
  std::uint64_t welcome = 0;  // What its processes can do with besides, where they may.
};

// Raises the soft limit of this process, which its children inherit, where it is too low, and never
// lowers it. FailedPrecondition where the hard one is: nobody but root can raise that. Thread-safe.
absl::Status make_room_for_files(const OpenFiles& files);

}  // namespace accelerate::launcher
