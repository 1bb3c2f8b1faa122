// The files in which the output of a run is kept, laid out as torchrun does it.
//
// Example:
//   absl::StatusOr<LogFolder> logs = LogFolder::create("logs", log_name(plan));
//   if (!logs.ok()) return fail(logs.status());
//   absl::StatusOr<std::string> folder = logs->make_rank_folder(/*attempt=*/0, /*rank=*/1);
//   // logs/none_a1B2c3/attempt_0/1, for stdout.log, stderr.log and error.json
//
// Not for a folder that a later run is to find: each run makes a new one, so that none overwrites
// what another has left.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "launcher/plan/launch_plan.h"

namespace accelerate::launcher {

// Not thread-safe.
class LogFolder {
 public:
  // Makes the folder of this run, on this machine, in `log_dir`, which is made as well where it is
  // missing. An error names the folder, and what to do.
  static absl::StatusOr<LogFolder> create(const std::string& log_dir, const std::string& name);

  // Makes the folder of one process, which has this rank among all of the job.
  absl::StatusOr<std::string> make_rank_folder(int attempt, int rank) const;

  const std::string& path() const { return path_; }

 private:
  explicit LogFolder(const std::string& path) : path_(path) {}

  std::string path_;
};

// What the folder of this run is called before its random end: the run's id, and the machine where
// there are several, which may have one disk.
std::string log_name(const LaunchPlan& plan);

}  // namespace accelerate::launcher
