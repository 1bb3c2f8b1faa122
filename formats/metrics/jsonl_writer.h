// Writes `metrics.jsonl` of a run, a line for each record; read_jsonl() reads it.
//
// Example:
//   metrics::JsonlWriter writer("runs/first/metrics.jsonl");
//   const metrics::Record record = {.step = 12, .time = 1764460000.5, .values = {{"loss", 0.5}}};
//   const absl::Status status = writer.append(record);
//   if (!status.ok()) std::cerr << status.message() << "\n";
//
// What holds of a GrowingFile holds of it. Not for files of others, whose lines have no steps.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "formats/metrics/growing_file.h"
#include "formats/metrics/log_position.h"
#include "formats/metrics/record.h"

namespace accelerate::metrics {

// Not thread-safe.
class JsonlWriter {
 public:
  explicit JsonlWriter(const std::string& path) : file_(path, /*head=*/"") {}

  const std::string& path() const { return file_.path(); }
  absl::Status append(const Record& record);

  // Takes away the first line beyond `end` and all behind it, and a last line that is cut off.
  // Nothing where there is no file.
  absl::Status rewind(const LogPosition& end);

 private:
  GrowingFile file_;
};

}  // namespace accelerate::metrics
