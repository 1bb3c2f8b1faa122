#include "launcher/env/users_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

// Whether this process stands in the runfiles of its own program, as `bazel run` starts it. What
// that starts inherits the variable, but has another program, or has moved on.
bool is_in_own_runfiles() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::current_path(error);
  for (; folder.has_relative_path(); folder = folder.parent_path()) {
    if (folder.extension() != ".runfiles") continue;
    std::filesystem::path program = folder;
    program.replace_extension();
    return std::filesystem::equivalent(program, "/proc/self/exe", error);
  }
  return false;
}

}  // namespace

absl::Status enter_users_folder() {
  // `bazel run` says here where the user is.
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  if (folder == nullptr || !is_in_own_runfiles() || chdir(folder) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot enter the folder ", folder, ": ", std::strerror(errno),
                   "; relative paths start in the runfiles of the program."));
}

}  // namespace accelerate::launcher
