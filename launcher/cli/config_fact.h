// The config file that `accelerate launch` would read, for a bug report.
//
// Example:
//   std::cout << to_bullets({config_fact(arguments.value("config_file"))});
//
// Not for deciding anything: read_config() (launcher/config/read_config.h) has the values.
#pragma once

#include <optional>
#include <string>

#include "launcher/cli/fact.h"

namespace accelerate::launcher {

// The keys and values in the file at `path`, of the default one where that is nothing, or why they
// cannot be told.
Fact config_fact(const std::optional<std::string>& path);

}  // namespace accelerate::launcher
