// Turns a LaunchConfig into the tree of a config file.
//
// Example:
//   absl::StatusOr<ConfigNode> document = config_to_node(config);
//   if (document.ok()) std::cout << write_yaml(*document);
//
// Not for programs: they call write_config().
#pragma once

#include "absl/status/statusor.h"
#include "launcher/config/config_node.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// A map with the keys in alphabetical order, in sections too. Members without a value and empty
// sections are left out. InvalidArgument if a text is not UTF-8 or a key is not a word.
absl::StatusOr<ConfigNode> config_to_node(const LaunchConfig& config);

}  // namespace accelerate::launcher
