// Reads `metrics.jsonl` of a run: an object in each line, as JsonLinesTracker writes them, such as
// {"step":12,"time":1764460000.123,"loss":0.5,"accuracy":"nan","note":"warm"}.
//
// Numbers are values of the series of their names; "nan", "inf" and "-inf" are numbers as well.
// Other texts, arrays and objects are passed over, and so is the end of a file that somebody still
// writes.
//
// Example:
//   const absl::StatusOr<metrics::History> run = metrics::read_jsonl("runs/first/metrics.jsonl");
//   if (!run.ok()) return fail(run.status());
//   for (const std::string& remark : run->remarks) std::cerr << remark << "\n";
//
// Not for JSON of other forms.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/metrics/history.h"

namespace accelerate::metrics {

// NotFound, PermissionDenied and so on where the file cannot be read. Lines that are none of these
// are left out, and remarked.
absl::StatusOr<History> read_jsonl(const std::string& path);

}  // namespace accelerate::metrics
