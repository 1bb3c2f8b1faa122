// Reads the scalars in TensorBoard's event files, whether PyTorch, TensorFlow or this library wrote
// them.
//
// Example:
//   const absl::StatusOr<metrics::History> run = tensorboard::read_scalars("runs/first");
//   if (!run.ok()) return fail(run.status());
//   for (const auto& [tag, points] : run->series) {
//     std::cout << tag << ": " << points.back().value << "\n";
//   }
//
// Not for histograms, images and texts, which are skipped.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/metrics/history.h"

namespace accelerate::tensorboard {

// All scalars in the event files of a folder. If a run was resumed, what it had logged beyond that
// step before is left out, as in TensorBoard. A truncated or damaged file is read as far as
// possible, and mentioned in the remarks. NotFound if the folder has no event files.
absl::StatusOr<metrics::History> read_scalars(const std::string& folder);

}  // namespace accelerate::tensorboard
