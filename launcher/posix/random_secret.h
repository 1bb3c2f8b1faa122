// A text that nobody can guess.
//
// Example:
//   absl::StatusOr<std::string> secret = random_secret();  // "9c1f..."
//
// Not for a number that must be reproducible.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// 128 random bits from the system, as 32 hexadecimal digits. Thread-safe.
absl::StatusOr<std::string> random_secret();

}  // namespace accelerate::launcher
