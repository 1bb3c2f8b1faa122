// The environment variables that affect a run, for a bug report.
//
// Example:
//   const std::vector<Fact> variables = relevant_variables(environ);
//
// Not for reading their values: launcher/env knows what they mean.
#pragma once

#include <vector>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// The relevant ones in `environment`, an array such as `environ`, sorted by name. Shows only values
// that are known not to be secret.
std::vector<Fact> relevant_variables(const char* const* environment);

}  // namespace accelerate::launcher
