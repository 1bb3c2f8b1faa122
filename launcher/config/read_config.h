// Reading a config file: what `accelerate config` of any version writes, or a person.
//
// Example:
//   absl::StatusOr<ReadConfig> read = read_config("two_gpus.yaml");
//   if (!read.ok()) return fail(read.status());
//   for (const std::string& warning : read->warnings) std::cerr << warning << "\n";
//   use(read->config);
//
// Not to find the file: see default_config.h. Not the place where a feature is refused: a config
// for FSDP reads as well as one for the CPU.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

struct ReadConfig {
  LaunchConfig config;
  // One line for each key that has a value and means nothing here, or that a section may have
  // misspelt.
  std::vector<std::string> warnings;
};

// Reads the file: JSON where `path` ends in .json, otherwise YAML, of which JSON is a part. Texts
// of old versions are turned into today's (fp16: true, dynamo_backend). Truth values may be any of
// the words that parse_truth_value() knows, and numbers may stand in quotes. NotFound where there
// is no such file, FailedPrecondition where it cannot be read; InvalidArgument has a line for each
// thing that is wrong in it, with file, line, key and remedy. A hostile file ends in an error too,
// soon: see the limits in config_node.h.
absl::StatusOr<ReadConfig> read_config(const std::string& path);

// The same for the content of a file; `path` is for its format and the messages.
absl::StatusOr<ReadConfig> parse_config(const std::string& text, const std::string& path);

}  // namespace accelerate::launcher
