// The path of the default config file.
//
// Example:
//   if (const std::optional<std::string> path = find_default_config()) use(read_config(*path));
//   absl::Status status = write_config(config, default_config_path());
//
// Not for a file that the user named, which must exist.
#pragma once

#include <optional>
#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

// Where to write it: accelerate/default_config.yaml in $HF_HOME, else in
// $XDG_CACHE_HOME/huggingface, else in ~/.cache/huggingface. An empty variable counts as not set,
// and a leading ~ is the home folder: $HOME, else what the system knows of this user.
std::string default_config_path(const EnvironmentLookup& lookup = process_environment);

// The file to read: that file, or default_config.json beside it, which old versions wrote, if only
// that exists; no value if neither does. A file in a folder that may not be searched is returned
// too, so that nobody trains without it by accident.
std::optional<std::string> find_default_config(
    const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
