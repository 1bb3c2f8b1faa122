// Writing a config file, as `accelerate config` does.
//
// Example:
//   absl::Status status = write_config(config, "four_processes.yaml");
//   if (absl::IsAlreadyExists(status)) std::cerr << status.message() << "\n";
//
// Not for what a person wrote: comments and the order of the lines are lost, and with them the keys
// that read_config() warned of as old.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/config/atomic_file.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// Writes JSON where `path` ends in .json, otherwise YAML, in a file that Python's Accelerate reads
// as well, provided that distributed_type has a value. All or nothing: see write_file_atomically(),
// whose errors these are. InvalidArgument where a text is no UTF-8 or a section's key no word.
absl::Status write_config(const LaunchConfig& config, const std::string& path,
                          const WriteOptions& options = {});

// The content of that file.
absl::StatusOr<std::string> format_config(const LaunchConfig& config, const std::string& path);

}  // namespace accelerate::launcher
