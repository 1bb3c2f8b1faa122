// Reads the scalars of TensorBoard's event files, whoever has written them: PyTorch, TensorFlow or
// this library.
//
// Example:
//   const absl::StatusOr<metrics::History> run = tensorboard::read_scalars("runs/first");
//   if (!run.ok()) return fail(run.status());
//   for (const auto& [tag, points] : run->series) {
//     std::cout << tag << ": " << points.back().value << "\n";
//   }
//
// Not for histograms, images and texts, which are passed over.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/metrics/history.h"

namespace accelerate::tensorboard {

// All scalars in the event files of a folder. Where a run was resumed, what it had logged beyond
// that step before is left out, as TensorBoard does. A file that is cut off or damaged is read as
// far as it goes, and remarked. NotFound where the folder has none.
absl::StatusOr<metrics::History> read_scalars(const std::string& folder);

}  // namespace accelerate::tensorboard
