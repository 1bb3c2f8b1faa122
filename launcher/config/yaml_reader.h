// Reads YAML as Python's yaml.safe_load does, and keeps the line of each value.
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

// The one document in `text`; an empty one is null. Aliases are expanded. InvalidArgument, whose
// message begins with `path` and the line, if `text` is not YAML, has a key that is not a text,
// uses a type of Python's, or exceeds the limits.
absl::StatusOr<ConfigNode> parse_yaml(const std::string& text, const std::string& path);

}  // namespace accelerate::launcher
