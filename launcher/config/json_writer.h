// Writes JSON byte for byte as Python's json.dumps does with an indent of 2.
//
// Example:
//   write_json({.kind = ConfigNode::Kind::kMap,
//               .children = {{.kind = ConfigNode::Kind::kInteger, .text = "2", .key = "n"}}});
//   // "{\n  \"n\": 2\n}\n"
//
// Not for texts that are not UTF-8.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The text of `node`, which ends with a line break. Entries of maps keep their order.
std::string write_json(const ConfigNode& node);

}  // namespace accelerate::launcher
