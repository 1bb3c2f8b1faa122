// Reads the `metrics.jsonl` of a run: one object per line, as JsonLinesTracker writes them, such as
// {"step":12,"time":1764460000.123,"loss":0.5,"accuracy":"nan","note":"warm"}.
//
// Each number is a value of the series of its name; "nan", "inf" and "-inf" count as numbers. Other
// texts, arrays and objects are ignored, and so is the incomplete end of a file that is still being
// written.
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

// NotFound, PermissionDenied and so on if the file cannot be read. Lines of another form are left
// out, and mentioned in the remarks.
absl::StatusOr<History> read_jsonl(const std::string& path);

}  // namespace accelerate::metrics
