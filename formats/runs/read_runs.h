// Finds the training runs in a folder, and reads them.
//
// A run is a folder with a metrics.jsonl, with event files of TensorBoard, or with the config.json
// of a run that has logged nothing yet. Of one that has both kinds of metrics, metrics.jsonl is
// read.
//
// Example:
//   const absl::StatusOr<std::vector<runs::Run>> found = runs::read_runs("runs");
//   if (!found.ok()) return fail(found.status());
//   for (const runs::Run& run : *found) std::cout << run.name << "\n";
//
// Not for following a run while it goes on: each call reads all of its files.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/runs/run.h"

namespace accelerate::runs {

// The folder itself, where it is a run, and those below it, in the order of their names, numbers in
// them by their size. Links are followed, but no folder is read twice. What is wrong with a run's
// files is in its remarks; it is there whatever that is. NotFound where there is no such folder or
// no run in it, InvalidArgument where it is none, PermissionDenied where it cannot be read.
absl::StatusOr<std::vector<Run>> read_runs(const std::string& folder);

}  // namespace accelerate::runs
