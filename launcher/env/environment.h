// Access to environment variables in a form that a test can replace.
//
// Example:
//   bool launched_by_slurm(const EnvironmentLookup& lookup = process_environment) {
//     return lookup("SLURM_PROCID").has_value();
//   }
//
// Not for values of this library's own variables: use the functions that parse and check them
// (worker_environment.h, mixed_precision.h, truth_value.h).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace accelerate::launcher {

// Returns the value of a variable, or no value if it is not set. An empty value counts as set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

// Looks `name` up in this process's environment. Safe from several threads as long as none writes
// it.
std::optional<std::string> process_environment(const std::string& name);

// What to change in an environment: the new value of a variable, or no value to unset it. Other
// variables are not changed.
using EnvironmentChanges = std::map<std::string, std::optional<std::string>>;

// Writes the changes into this process's environment. Call it while the process has one thread:
// others may read the environment at any time, in library code too.
void apply_environment_changes(const EnvironmentChanges& changes);

}  // namespace accelerate::launcher
