#include "launcher/config/write_config.h"

#include "absl/strings/match.h"
#include "launcher/config/config_node.h"
#include "launcher/config/config_to_node.h"
#include "launcher/config/json_writer.h"
#include "launcher/config/yaml_writer.h"

namespace accelerate::launcher {

absl::Status write_config(const LaunchConfig& config, const std::string& path,
                          const WriteOptions& options) {
  const absl::StatusOr<std::string> text = format_config(config, path);
  if (!text.ok()) return text.status();
  return write_file_atomically(path, *text, options);
}

absl::StatusOr<std::string> format_config(const LaunchConfig& config, const std::string& path) {
  const absl::StatusOr<ConfigNode> document = config_to_node(config);
  if (!document.ok()) return document.status();
  return absl::EndsWith(path, ".json") ? write_json(*document) : write_yaml(*document);
}

}  // namespace accelerate::launcher
