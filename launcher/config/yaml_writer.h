// Writing YAML byte for byte as Python's yaml.safe_dump does.
//
// Example:
//   write_yaml({.kind = ConfigNode::Kind::kMap,
//               .children = {{.kind = ConfigNode::Kind::kString, .text = "no",
//                             .key = "precision"}}});
//   // "precision: 'no'\n"
//
// Not for any YAML: it knows maps of scalars, of lists of scalars and of such maps, which is what a
// config is made of, and keys that are words.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The text of `map`, its entries in their order. All texts must be UTF-8.
std::string write_yaml(const ConfigNode& map);

}  // namespace accelerate::launcher
