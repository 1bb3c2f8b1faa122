// A page in HTML that compares training runs: their curves, their best values and their settings.
//
// Example:
//   const std::string html = runs::page("runs", *runs::read_runs("runs"));
//   absl::StatusOr<AtomicFile> file =
//       AtomicFile::create("runs.html", {.overwrite = true, .is_named_by_user = true});
//   if (!file.ok()) return file.status();
//   if (const absl::Status status = file->append(html); !status.ok()) return status;
//   return file->commit();
//
// It needs only a browser: no network, no other files. It contains the runs as a JSON text, so that
// no name or value is ever interpreted as HTML. Its sources are in the folder page/.
//
// Not for following runs while they train.
#pragma once

#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::runs {

// `folder` is where the runs are, for the heading.
std::string page(const std::string& folder, const std::vector<Run>& runs);

}  // namespace accelerate::runs
