// Expands the `~` in a path that no shell has read.
//
// Example:
//   const std::string hostfile = expand_home("~/hostfile");  // /home/me/hostfile
//
// Not for the home folders of other users: ~you is not changed.
#pragma once

#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

// `path` with a leading ~ replaced by the home folder: $HOME, otherwise the one that the system
// knows.
std::string expand_home(const std::string& path,
                        const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
