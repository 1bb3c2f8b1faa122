#include "launcher/config/json_writer.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/true);
}

void append(const ConfigNode& node, std::size_t indent, std::string& out) {
  switch (node.kind) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kString:
      out += quoted(node.text);
      return;
    case Kind::kFloat:
      // JSON has no numbers for infinity and for no number.
      out += node.text.find_first_of("in") == std::string::npos ? node.text : quoted(node.text);
      return;
    case Kind::kBoolean:
    case Kind::kInteger:
      out += node.text;
      return;
    case Kind::kList:
    case Kind::kMap:
      break;
  }
  const bool map = node.kind == Kind::kMap;
  out += map ? "{" : "[";
  const char* separator = "\n";
  for (const ConfigNode& child : node.children) {
    absl::StrAppend(&out, separator, std::string(indent + 2, ' '));
    if (map) absl::StrAppend(&out, quoted(child.key), ": ");
    append(child, indent + 2, out);
    separator = ",\n";
  }
  if (!node.children.empty()) absl::StrAppend(&out, "\n", std::string(indent, ' '));
  out += map ? "}" : "]";
}

}  // namespace

std::string write_json(const ConfigNode& node) {
  std::string out;
  append(node, 0, out);
  return out + "\n";
}

}  // namespace accelerate::launcher
