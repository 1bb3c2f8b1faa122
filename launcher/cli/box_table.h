// A table in a frame of lines, with a title.
//
// Example:
//   std::cout << box_table("Fruit", {"name", "price"}, {{"apple", "1"}, {"fig", "12"}});
//   // ┌───────────┐
//   // │   Fruit   │
//   // ├─────┬─────┤
//   // │ name│price│
//   // ├─────┼─────┤
//   // │apple│  1  │
//   // │ fig │  12 │
//   // └─────┴─────┘
//
// Not for text whose characters are wider than one column: it counts characters.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

// Each row has as many cells as there are headers, at least one. The last column is widened where
// the title needs it. Ends with a line break.
std::string box_table(const std::string& title, const std::vector<std::string>& headers,
                      const std::vector<std::vector<std::string>>& rows);

}  // namespace accelerate::launcher
