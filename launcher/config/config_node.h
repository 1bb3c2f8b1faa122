// The content of a config file as a tree, whatever its format.
//
// Example:
//   absl::StatusOr<ConfigNode> document = parse_yaml(text, "my.yaml");  // yaml_reader.h
//   for (const ConfigNode& entry : document->children) std::cout << entry.key << "\n";
//
// Not for large data: every value is a node with its own texts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace accelerate::launcher {

// Limits on the content of a file, which also hold once its aliases are expanded; far above what
// any config needs. A hostile file leads to an error before it costs memory or time.
inline constexpr std::size_t kMaxConfigBytes = 1 << 17;
inline constexpr std::size_t kMaxConfigNodes = 5000;
inline constexpr int kMaxConfigDepth = 16;

struct ConfigNode {
  enum class Kind { kNull, kBoolean, kInteger, kFloat, kString, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text = "";  // A scalar as the file spells it, without quotes and escapes.
  int line = 0;           // The line of the value, counted from 1; 0 if it is from no file.
  std::string key = "";   // The key of an entry in a map.
  int replaced_line = 0;  // The line of the same key's earlier value, which this one replaces.
  std::vector<ConfigNode> children = {};  // Items of a list or values of a map, in order.
};

}  // namespace accelerate::launcher
