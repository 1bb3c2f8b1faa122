#include "launcher/config/config_to_node.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/config/config_keys.h"
#include "launcher/config/yaml_scalar.h"
#include "launcher/text/printable.h"
#include "launcher/text/utf8.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

ConfigNode string_node(const std::string& text) { return {.kind = Kind::kString, .text = text}; }

ConfigNode section_value_node(const std::string& text) {
  return {.kind = section_text_kind(text), .text = text};
}

std::optional<ConfigNode> to_node(const std::string&, const std::optional<bool>& value) {
  if (!value.has_value()) return std::nullopt;
  return ConfigNode{.kind = Kind::kBoolean, .text = *value ? "true" : "false"};
}

std::optional<ConfigNode> to_node(const std::string&, const std::optional<int>& value) {
  if (!value.has_value()) return std::nullopt;
  return ConfigNode{.kind = Kind::kInteger, .text = absl::StrCat(*value)};
}

std::optional<ConfigNode> to_node(const std::string& key, const std::optional<std::string>& value) {
  if (!value.has_value()) return std::nullopt;
  return key == "downcast_bf16" ? section_value_node(*value) : string_node(*value);
}

// One of the enumerations.
template <class Enum>
std::optional<ConfigNode> to_node(const std::string&, const std::optional<Enum>& value) {
  if (!value.has_value()) return std::nullopt;
  return string_node(to_string(*value));
}

std::optional<ConfigNode> to_node(const std::string&,
                                  const std::optional<std::vector<std::string>>& value) {
  if (!value.has_value()) return std::nullopt;
  ConfigNode list{.kind = Kind::kList};
  for (const std::string& text : *value) list.children.push_back(string_node(text));
  return list;
}

std::optional<ConfigNode> to_node(const std::string& key, const ConfigSection& section) {
  if (section.empty()) return std::nullopt;
  ConfigNode map{.kind = Kind::kMap};
  for (const auto& [name, text] : section) {
    ConfigNode node = section_value_node(text);
    if (is_section_list(key, name)) {
      ConfigNode list{.kind = Kind::kList};
      for (const absl::string_view item : absl::StrSplit(text, ',')) {
        list.children.push_back(section_value_node(std::string(item)));
      }
      // Accelerate's own samples have this value as a text as well: "(false, false, false)".
      if (std::all_of(list.children.begin(), list.children.end(),
                      [](const ConfigNode& item) { return item.kind == Kind::kBoolean; })) {
        node = std::move(list);
      }
    }
    node.key = name;
    map.children.push_back(std::move(node));
  }
  return map;
}

// `place` is what a message calls the node.
absl::Status check(const ConfigNode& node, const std::string& place) {
  if (find_no_utf8(node.text) != node.text.size() || absl::StrContains(node.text, '\0')) {
    return absl::InvalidArgumentError(
        absl::StrCat(place, " has a text that is not UTF-8 or contains a NUL; correct it."));
  }
  for (const ConfigNode& child : node.children) {
    const bool in_map = node.kind == Kind::kMap;
    if (in_map && !is_key_word(child.key)) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, " has the key ", printable(child.key),
                       ", which is not a name; use letters, digits, `_`, `.` and `-`."));
    }
    const absl::Status status = check(child, in_map ? absl::StrCat(place, " ", child.key) : place);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ConfigNode> config_to_node(const LaunchConfig& config) {
  ConfigNode map{.kind = Kind::kMap};
  const auto add = [&map](const std::string& key, std::optional<ConfigNode> node) {
    if (!node.has_value()) return;
    node->key = key;
    map.children.push_back(*std::move(node));
  };
  for (const ConfigKey& key : config_keys()) {
    if (key.use == KeyUse::kSagemaker) continue;
    std::visit([&](auto member) { add(key.name, to_node(key.name, config.*member)); }, key.member);
  }
  for (const auto& [key, text] : config.sagemaker) add(key, string_node(text));
  std::sort(map.children.begin(), map.children.end(),
            [](const ConfigNode& a, const ConfigNode& b) { return a.key < b.key; });
  const absl::Status status = check(map, "The config");
  if (!status.ok()) return status;
  return map;
}

}  // namespace accelerate::launcher
