#include "launcher/env/users_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {

absl::Status enter_users_folder() {
  // `bazel run` starts programs in their runfiles, and says here where the user is.
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  if (folder == nullptr || chdir(folder) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot enter the folder ", folder, ": ", std::strerror(errno),
                   "; relative paths start in the runfiles of the program."));
}

}  // namespace accelerate::launcher
