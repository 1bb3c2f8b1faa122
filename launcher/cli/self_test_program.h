// Finds the program that `accelerate test` launches to check a machine.
//
// Example:
//   absl::StatusOr<std::string> program = find_self_test_program("/opt/accelerate/bin");
//
// The program is not part of the command: unlike the command it needs LibTorch, so it is built
// separately.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// The program for the command in `folder`, an absolute path: in the same folder, in
// ../libexec/accelerate, or where Bazel builds it. NotFound says how to build it.
absl::StatusOr<std::string> find_self_test_program(const std::filesystem::path& folder);

}  // namespace accelerate::launcher
