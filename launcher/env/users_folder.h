// Where the user of a program is, under `bazel run` as well.
//
// Example:
//   const absl::Status status = enter_users_folder();
//   if (!status.ok()) std::cerr << "warning: " << status.message() << "\n";
//
// Not for finding files that belong to the program: those are in its runfiles, wherever the user
// is.
#pragma once

#include "absl/status/status.h"

namespace accelerate::launcher {

// Makes the folder from which the user called `bazel run` the working one, as it is for a program
// that was started without Bazel, so that relative paths in arguments mean what they mean in the
// shell. Does nothing for a process that only inherited the variable of another one's `bazel run`:
// that does not start in the runfiles of its program. FailedPrecondition where the folder cannot be
// entered. Not thread-safe.
absl::Status enter_users_folder();

}  // namespace accelerate::launcher
