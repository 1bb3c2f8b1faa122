// Writing JSON byte for byte as Python's json.dumps does with an indent of 2.
//
// Example:
//   write_json({.kind = ConfigNode::Kind::kMap,
//               .children = {{.kind = ConfigNode::Kind::kInteger, .text = "2", .key = "n"}}});
//   // "{\n  \"n\": 2\n}\n"
//
// Not for texts that are no UTF-8.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The text of `node`, the entries of maps in their order, with a line break at its end.
std::string write_json(const ConfigNode& node);

}  // namespace accelerate::launcher
