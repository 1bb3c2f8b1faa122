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

#include <cstddef>
#include <string>
#include <vector>

namespace accelerate::launcher {

enum class BoxAlignment { kCenter, kLeft, kRight };

struct BoxTableStyle {
  // One for each column; if empty, all columns are centered.
  std::vector<BoxAlignment> columns = {};
  // Whether to draw the frame in ASCII, for terminals that do not show UTF-8.
  bool is_ascii = false;
};

// Each row has as many cells as there are headers, at least one. The last column is widened if the
// title needs it. Ends with a line break.
std::string box_table(const std::string& title, const std::vector<std::string>& headers,
                      const std::vector<std::vector<std::string>>& rows,
                      const BoxTableStyle& style = {});

}  // namespace accelerate::launcher
