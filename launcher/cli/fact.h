// The facts of a bug report, as a bulleted list.
//
// Example:
//   std::cout << to_bullets({{"System RAM", "62.79 GB"}});  // - System RAM: 62.79 GB
//
// Not for a program to read again.
#pragma once

#include <string>
#include <vector>

namespace accelerate::launcher {

struct Fact {
  std::string name;
  std::string value = "";
  std::vector<Fact> details = {};

  bool operator==(const Fact&) const = default;
};

// A line for each fact, with its details below it, indented by a tab. Control characters, which a
// variable's value may have, are escaped.
std::string to_bullets(const std::vector<Fact>& facts);

}  // namespace accelerate::launcher
