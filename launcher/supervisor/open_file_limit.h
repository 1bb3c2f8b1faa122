// Room for as many open files as a launch needs.
//
// Example:
//   const absl::Status room = make_room_for_files({.needed = 1100, .welcome = 2000});
//   if (!room.ok()) return room;
//
// Does not count open files.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace accelerate::launcher {

struct OpenFiles {
  std::uint64_t needed = 0;   // Without this many the launch fails.
  std::uint64_t welcome = 0;  // How many its processes can use, if allowed.
};

// Raises the soft limit of this process, which its children inherit, if it is too low; never lowers
// it. FailedPrecondition if the hard limit is too low: only root can raise that. Thread-safe.
absl::Status make_room_for_files(const OpenFiles& files);

}  // namespace accelerate::launcher
