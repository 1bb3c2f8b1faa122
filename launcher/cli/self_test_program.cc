#include "launcher/cli/self_test_program.h"

#include <unistd.h>

#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

constexpr std::array kPlaces = {"accelerate-self-test",
                                "../libexec/accelerate/accelerate-self-test",
                                "../accelerate/self_test/accelerate-self-test"};

bool is_program(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

}  // namespace

absl::StatusOr<std::string> find_self_test_program(const std::filesystem::path& folder) {
  for (const char* place : kPlaces) {
    const std::filesystem::path path = (folder / place).lexically_normal();
    if (is_program(path)) return path.string();
  }
  return absl::NotFoundError(absl::StrCat(
      "the program accelerate-self-test is neither in ", folder.string(),
      " nor where the build puts it; build it where this command was built, with: bazel build "
      "//accelerate/self_test:accelerate-self-test, or install it beside this command."));
}

}  // namespace accelerate::launcher
