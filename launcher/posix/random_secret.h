// A text that nobody guesses.
//
// Example:
//   absl::StatusOr<std::string> secret = random_secret();  // "9c1f..."
//
// Not for a number that is to be the same in the next run.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// 128 random bits of the system's, as 32 hexadecimal digits. Thread-safe.
absl::StatusOr<std::string> random_secret();

}  // namespace accelerate::launcher
