// Writes YAML byte for byte as Python's yaml.safe_dump does.
//
// Example:
//   write_yaml({.kind = ConfigNode::Kind::kMap,
//               .children = {{.kind = ConfigNode::Kind::kString, .text = "no",
//                             .key = "precision"}}});
//   // "precision: 'no'\n"
//
// Not for any YAML: it knows only what configs consist of, which is maps of scalars, of lists of
// scalars and of such maps, with words as keys.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// The text of `map`, whose entries keep their order. All texts must be UTF-8.
std::string write_yaml(const ConfigNode& map);

}  // namespace accelerate::launcher
