// Reads JSON as Python's json.load does, and keeps the line of each value.
//
// Example:
//   absl::StatusOr<ConfigNode> document = parse_json("{\"num_processes\": 2}", "my.json");
//
// Not for JSON text in a .yaml file: that is YAML too, and parse_yaml() reads it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The value that `text` holds. InvalidArgument, whose message begins with `path` and the line, if
// `text` is not JSON or exceeds the limits in config_node.h.
absl::StatusOr<ConfigNode> parse_json(const std::string& text, const std::string& path);

}  // namespace accelerate::launcher
