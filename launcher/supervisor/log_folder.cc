#include "launcher/supervisor/log_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

absl::Status folder_error(const std::string& path, const std::string& reason) {
  return absl::FailedPreconditionError(absl::StrCat("cannot make the folder ", path,
                                                    " for the output of the processes: ", reason,
                                                    "; correct --log_dir, or leave it out."));
}

}  // namespace

absl::StatusOr<LogFolder> LogFolder::create(const std::string& log_dir, const std::string& name) {
  std::error_code error;
  std::filesystem::create_directories(log_dir, error);
  if (error) return folder_error(log_dir, error.message());
  std::string file_name = absl::StrCat(name, "_XXXXXX");
  std::replace(file_name.begin(), file_name.end(), '/', '_');
  std::string path = std::filesystem::absolute(log_dir) / file_name;
  if (mkdtemp(path.data()) == nullptr) return folder_error(path, std::strerror(errno));
  return LogFolder(path);
}

absl::StatusOr<std::string> LogFolder::make_rank_folder(int attempt, int rank) const {
  const std::string folder = absl::StrCat(path_, "/attempt_", attempt, "/", rank);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return folder_error(folder, error.message());
  return folder;
}

std::string log_name(const LaunchPlan& plan) {
  return plan.num_machines == 1 ? plan.run_id
                                : absl::StrCat(plan.run_id, "_machine", plan.machine_rank);
}

}  // namespace accelerate::launcher
