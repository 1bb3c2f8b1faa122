// Flags of other launchers, and of older habits, that people type here.
//
// Example:
//   if (const auto hint = foreign_flag_hint("nproc_per_node")) std::cerr << *hint << "\n";
//
// Not for misspelt launch flags: nearest_name.h finds those.
#pragma once

#include <optional>
#include <string>

namespace accelerate::launcher {

// What says the same here: "write --num_machines=N" for `nnodes`, `name` being written with
// underscores and without hyphens; nothing for any other name.
std::optional<std::string> foreign_flag_hint(const std::string& name);

}  // namespace accelerate::launcher
