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

// What a file may hold at most, and again with its aliases written out; far above what any config
// needs: a hostile one ends in an error before it costs memory or time.
inline constexpr std::size_t kMaxConfigBytes = 1 << 17;
inline constexpr std::size_t kMaxConfigNodes = 5000;
inline constexpr int kMaxConfigDepth = 16;

struct ConfigNode {
  enum class Kind { kNull, kBoolean, kInteger, kFloat, kString, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text = "";  // Of a scalar, as the file spells it, without quotes and escapes.
  int line = 0;           // Where the value stands, counted from 1; 0 where it is from no file.
  std::string key = "";   // In a map.
  int replaced_line = 0;  // Where the same key had a value before, which counts no more.
  std::vector<ConfigNode> children = {};  // Items of a list, values of a map in their order.
};

}  // namespace accelerate::launcher
