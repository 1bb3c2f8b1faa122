// A status for a system call that failed because processes, files or memory ran out.
//
// Example:
//   int ends[2];
//   if (pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe2");
//
// Not for calls whose failure has a meaning for the user, such as a port that is taken.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

// What errno says about `call`, and what to do.
inline absl::Status system_error(const std::string& call) {
  return absl::ResourceExhaustedError(
      absl::StrCat(call, " failed: ", std::strerror(errno),
                   "; start fewer processes, or raise the limits of this one (ulimit -a)."));
}

}  // namespace accelerate::launcher
