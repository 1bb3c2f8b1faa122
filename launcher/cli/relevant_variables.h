// The environment variables that bear on a run, for a bug report.
//
// Example:
//   const std::vector<Fact> variables = relevant_variables(environ);
//
// Not for reading their values: launcher/env knows what they mean.
#pragma once

#include <vector>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// Those of `environment`, an array such as `environ`, sorted by name. Only values that are known to
// be no secrets are told.
std::vector<Fact> relevant_variables(const char* const* environment);

}  // namespace accelerate::launcher
