#include "launcher/cli/config_fact.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "launcher/config/config_node.h"
#include "launcher/config/config_to_node.h"
#include "launcher/config/default_config.h"
#include "launcher/config/read_config.h"

namespace accelerate::launcher {
namespace {

Fact entry_fact(const ConfigNode& entry) {
  Fact fact = {entry.key, entry.text};
  if (entry.kind == ConfigNode::Kind::kMap) {
    for (const ConfigNode& child : entry.children) fact.details.push_back(entry_fact(child));
  }
  if (entry.kind == ConfigNode::Kind::kList) {
    const auto append_text = [](std::string* text, const ConfigNode& item) {
      absl::StrAppend(text, item.text);
    };
    fact.value = absl::StrCat("[", absl::StrJoin(entry.children, ", ", append_text), "]");
  }
  return fact;
}

absl::StatusOr<std::vector<Fact>> entries_of(const std::string& path) {
  const absl::StatusOr<ReadConfig> read = read_config(path);
  if (!read.ok()) return read.status();
  const absl::StatusOr<ConfigNode> document = config_to_node(read->config);
  if (!document.ok()) return document.status();
  return entry_fact(*document).details;
}

}  // namespace

Fact config_fact(const std::optional<std::string>& path) {
  Fact fact = {path.has_value() ? "`Accelerate` config passed" : "`Accelerate` default config"};
  const std::optional<std::string> found = path.has_value() ? path : find_default_config();
  if (!found.has_value()) {
    fact.value = "Not found";
    return fact;
  }
  const absl::StatusOr<std::vector<Fact>> entries = entries_of(*found);
  if (entries.ok()) {
    fact.details = *entries;
  } else {
    fact.value = absl::StrReplaceAll(entries.status().message(), {{"\n", "; "}});
  }
  return fact;
}

}  // namespace accelerate::launcher
