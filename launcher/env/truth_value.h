// Yes or no, as people write it in environment variables.
//
// Example:
//   absl::StatusOr<bool> use_cpu = parse_truth_value("ACCELERATE_USE_CPU", "True");
//
// Not for command lines: there a switch is true by being present.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/env/environment.h"

namespace accelerate::launcher {

// True for y, yes, t, true, on and 1; false for n, no, f, false, off and 0; in any case. Otherwise
// InvalidArgument: "`variable`: invalid truth value `text`", with the words that are valid.
absl::StatusOr<bool> parse_truth_value(const std::string& variable, const std::string& text);

// The value of `variable`, or false if it is not set.
absl::StatusOr<bool> read_truth_value(const std::string& variable, const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
