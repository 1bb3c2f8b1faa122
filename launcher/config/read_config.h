// Reads a config file, written by any version of `accelerate config` or by hand.
//
// Example:
//   absl::StatusOr<ReadConfig> read = read_config("two_gpus.yaml");
//   if (!read.ok()) return fail(read.status());
//   for (const std::string& warning : read->warnings) std::cerr << warning << "\n";
//   use(read->config);
//
// Does not find the file (see default_config.h), and does not reject features: it reads a config
// for FSDP as well as one for the CPU.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

struct ReadConfig {
  LaunchConfig config;
  // One line for each key that has a value and no effect here, or that may be misspelt in a
  // section.
  std::vector<std::string> warnings;
};

// Reads the file: JSON if `path` ends in .json, otherwise YAML, which includes JSON. Converts keys
// and values of old versions (fp16: true, dynamo_backend) to today's. Truth values may be any of
// the words that parse_truth_value() knows, and numbers may be in quotes. NotFound if there is no
// such file, FailedPrecondition if it cannot be read; InvalidArgument has a line for each error:
// file, line, key and remedy. A hostile file fails early: see the limits in config_node.h.
absl::StatusOr<ReadConfig> read_config(const std::string& path);

// The same for the content of a file; `path` gives the format, and the name for messages.
absl::StatusOr<ReadConfig> parse_config(const std::string& text, const std::string& path);

}  // namespace accelerate::launcher
