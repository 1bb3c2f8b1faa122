#include "formats/tensorboard/event_file_name.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/text/printable.h"

namespace accelerate::tensorboard {
namespace {

constexpr absl::string_view kPrefix = "events.out.tfevents.";

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "localhost";
  return name;
}

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace

bool is_event_file(absl::string_view name) { return absl::StrContains(name, "tfevents."); }

absl::StatusOr<std::vector<std::string>> find_event_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    std::error_code ignored;
    const bool is_file = each->is_regular_file(ignored);
    if (is_file && is_event_file(each->path().filename().string())) {
      files.push_back(each->path().string());
    }
  }
  if (error) {
    const std::string message =
        absl::StrCat(launcher::plain(folder), " cannot be read: ", error.message(),
                     "; give the folder of a run.");
    return error == std::errc::no_such_file_or_directory ? absl::NotFoundError(message)
                                                         : absl::FailedPreconditionError(message);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string new_event_file(const std::string& folder, double time) {
  static std::atomic<int> count = 0;
  auto second = static_cast<std::int64_t>(time);
  // A clock that was set back, or is another machine's, is not to change the order.
  const auto files = find_event_files(folder);
  if (files.ok() && !files->empty() && absl::StartsWith(name_of(files->back()), kPrefix)) {
    const std::string last = name_of(files->back());
    // At most the largest number where it has more digits than that.
    const std::int64_t before = std::strtoll(last.c_str() + kPrefix.size(), nullptr, 10);
    if (before < std::numeric_limits<std::int64_t>::max()) second = std::max(second, before + 1);
  }
  return absl::StrFormat("%s/%s%010d.%s.%d.%d", folder, kPrefix, second, host_name(), getpid(),
                         count++);
}

}  // namespace accelerate::tensorboard
