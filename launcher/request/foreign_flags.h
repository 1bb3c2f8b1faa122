// Flags of other launchers that people type here by habit.
//
// Example:
//   if (const auto hint = foreign_flag_hint("nproc_per_node")) std::cerr << *hint << "\n";
//
// Not for misspelt launch flags: nearest_name.h finds those.
#pragma once

#include <optional>
#include <string>

namespace accelerate::launcher {

// The equivalent here, such as "write --num_machines=N" for `nnodes`; no value for other names.
// `name` has underscores and no leading hyphens.
std::optional<std::string> foreign_flag_hint(const std::string& name);

}  // namespace accelerate::launcher
