// Writes a config file as `accelerate config` does.
//
// Example:
//   absl::Status status = write_config(config, "four_processes.yaml");
//   if (absl::IsAlreadyExists(status)) std::cerr << status.message() << "\n";
//
// Not for files written by hand: comments, the order of the lines, and old keys that read_config()
// warned about are lost.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/config/atomic_file.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// Writes JSON if `path` ends in .json, otherwise YAML. Python's Accelerate can read the file if
// distributed_type has a value. All or nothing, with the errors of write_file_atomically().
// InvalidArgument if a text is not UTF-8 or a section's key is not a word.
absl::Status write_config(const LaunchConfig& config, const std::string& path,
                          const WriteOptions& options = {});

// The content of that file.
absl::StatusOr<std::string> format_config(const LaunchConfig& config, const std::string& path);

}  // namespace accelerate::launcher
