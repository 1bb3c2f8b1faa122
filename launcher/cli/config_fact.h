// The config file that `accelerate launch` would read, for a bug report.
//
// Example:
//   std::cout << to_bullets({config_fact(arguments.value("config_file"))});
//
// Not for making decisions: read_config() (launcher/config/read_config.h) returns the values.
#pragma once

#include <optional>
#include <string>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// The keys and values in the file at `path`, or in the default file if `path` has no value; or why
// they are unknown.
Fact config_fact(const std::optional<std::string>& path);

}  // namespace accelerate::launcher
