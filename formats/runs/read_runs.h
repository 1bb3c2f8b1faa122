// Finds the training runs in a folder, and reads them.
//
// A run is a folder with a metrics.jsonl, with event files of TensorBoard, or with the config.json
// of a run that has logged nothing yet. If a run has both kinds of metrics, metrics.jsonl is read.
//
// Example:
//   const absl::StatusOr<std::vector<runs::Run>> found = runs::read_runs("runs");
//   if (!found.ok()) return fail(found.status());
//   for (const runs::Run& run : *found) std::cout << run.name << "\n";
//
// Not for following a run while it trains: each call reads all of its files.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/runs/run.h"

namespace accelerate::runs {

// The folder itself, if it is a run, and the runs below it, sorted by name, with numbers in names
// compared by value. Links are followed, but no folder is read twice. Problems with a run's files
// are in its remarks, and the run is returned all the same. NotFound if there is no such folder or
// no run in it, InvalidArgument if it is not a folder, PermissionDenied if it cannot be read.
absl::StatusOr<std::vector<Run>> read_runs(const std::string& folder);

}  // namespace accelerate::runs
