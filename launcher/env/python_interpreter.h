// The Python that Python programs run in: PYTHON, or python3 of the PATH.
//
// Example:
//   const std::string python = python_interpreter(process_environment);
//
// Not for whether there is such a program: executing it tells.
#pragma once

#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

inline constexpr char kPythonVariable[] = "PYTHON";

// An empty variable counts as none. Thread-safe where `lookup` is.
std::string python_interpreter(const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
