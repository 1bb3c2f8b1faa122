// The user's working folder, under `bazel run` as well.
//
// Example:
//   const absl::Status status = enter_users_folder();
//   if (!status.ok()) std::cerr << "warning: " << status.message() << "\n";
//
// Not for finding files of the program: those are in its runfiles.
#pragma once

#include "absl/status/status.h"

namespace accelerate::launcher {

// Changes to the folder from which the user called `bazel run`, so that relative paths in arguments
// mean the same as in the shell. Does nothing in a process that only inherited the variable from
// another `bazel run`, because it does not start in the runfiles of its program. FailedPrecondition
// if the folder cannot be entered. Not thread-safe.
absl::Status enter_users_folder();

}  // namespace accelerate::launcher
