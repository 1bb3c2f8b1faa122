// The `~` in a path that somebody wrote where no shell reads it.
//
// Example:
//   const std::string hostfile = expand_home("~/hostfile");  // /home/me/hostfile
//
// Not for the homes of others: ~you stays as it is.
#pragma once

#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

// `path` with the home folder for a leading ~: $HOME, else what the system knows of this user.
std::string expand_home(const std::string& path,
                        const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
