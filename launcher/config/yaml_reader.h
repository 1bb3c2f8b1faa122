// Reading YAML as Python's yaml.safe_load does, with the lines of all values.
//
// Example:
//   absl::StatusOr<ConfigNode> document = parse_yaml("num_processes: 2", "my.yaml");
//
// Not for trusted data that may be large, or for more than one document: see the limits in
// config_node.h.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The one document in `text`; an empty one is null. Aliases are filled in. InvalidArgument, which
// begins with `path` and the line, for what is no YAML, a key that is no text, types of Python, and
// what is above the limits.
absl::StatusOr<ConfigNode> parse_yaml(const std::string& text, const std::string& path);

}  // namespace accelerate::launcher
