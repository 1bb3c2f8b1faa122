// The files for the output of a run, in torchrun's layout.
//
// Example:
//   absl::StatusOr<LogFolder> logs = LogFolder::create("logs", log_name(plan));
//   if (!logs.ok()) return fail(logs.status());
//   absl::StatusOr<std::string> folder = logs->make_rank_folder(/*attempt=*/0, /*rank=*/1);
//   // logs/none_a1B2c3/attempt_0/1, for stdout.log, stderr.log and error.json
//
// Not for a folder that a later run must find: each run makes a new one, so that none overwrites
// the files of another.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Not thread-safe.
class LogFolder {
 public:
  // Makes the folder of this run on this machine in `log_dir`, and `log_dir` itself if it is
  // missing. An error names the folder, and what to do.
  static absl::StatusOr<LogFolder> create(const std::string& log_dir, const std::string& name);

  // Makes the folder of the process with this global rank.
  absl::StatusOr<std::string> make_rank_folder(int attempt, int rank) const;

  const std::string& path() const { return path_; }

 private:
  explicit LogFolder(const std::string& path) : path_(path) {}

  std::string path_;
};

// The name of the folder of this run before its random suffix: the run's id and, if there are
// several machines, which may share a disk, the machine.
std::string log_name(const LaunchPlan& plan);

}  // namespace accelerate::launcher
