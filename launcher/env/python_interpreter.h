// The interpreter for Python programs: the variable PYTHON, or python3 in PATH.
//
// Example:
//   const std::string python = python_interpreter(process_environment);
//
// Does not check that the program exists.
#pragma once

#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

inline constexpr char kPythonVariable[] = "PYTHON";

// An empty variable counts as unset. Thread-safe if `lookup` is.
std::string python_interpreter(const EnvironmentLookup& lookup);

}  // namespace accelerate::launcher
