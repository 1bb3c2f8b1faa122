// Where the config file is that is used when none is named.
//
// Example:
//   if (const std::optional<std::string> path = find_default_config()) use(read_config(*path));
//   absl::Status status = write_config(config, default_config_path());
//
// Not for a file that somebody named: that one must exist.
#pragma once

#include <optional>
#include <string>

#include "launcher/env/environment.h"

namespace accelerate::launcher {

// Where to write it: accelerate/default_config.yaml in $HF_HOME, else in
// $XDG_CACHE_HOME/huggingface, else in ~/.cache/huggingface. An empty variable counts as not set,
// and a leading ~ is the home folder: $HOME, else what the system knows of this user.
std::string default_config_path(const EnvironmentLookup& lookup = process_environment);

// The one to read: that file, or default_config.json beside it, which old versions wrote, where
// only that exists; nothing where neither does. One in a folder that must not be searched is
// returned, so that nobody trains without it unawares.
std::optional<std::string> find_default_config(
    const EnvironmentLookup& lookup = process_environment);

}  // namespace accelerate::launcher
