// Where the program is that checks a machine, which `accelerate test` launches.
//
// Example:
//   absl::StatusOr<std::string> program = find_self_test_program("/opt/accelerate/bin");
//
// Not a part of the command: it needs LibTorch, which the command does without, and so it is built
// on its own.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace accelerate::launcher {

// The program that belongs to the command in `folder`, an absolute path: beside it, in
// ../libexec/accelerate, or where Bazel builds it. NotFound says how to build it.
absl::StatusOr<std::string> find_self_test_program(const std::filesystem::path& folder);

}  // namespace accelerate::launcher
