// Which known name somebody may have meant.
//
// Example: nearest_name("num_proceses", {"num_processes", "debug"}) is "num_processes".
//
// Not for long lists or texts: it compares with every name in full.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace accelerate::launcher {

// The name with the fewest edits from `text`, upper and lower case alike; nothing where that is
// more than a third of it.
std::optional<std::string> nearest_name(const std::string& text,
                                        const std::vector<std::string>& names);

}  // namespace accelerate::launcher
