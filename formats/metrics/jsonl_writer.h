// Writes the `metrics.jsonl` of a run, one line per record; read_jsonl() reads it.
//
// Example:
//   metrics::JsonlWriter writer("runs/first/metrics.jsonl");
//   const metrics::Record record = {.step = 12, .time = 1764460000.5, .values = {{"loss", 0.5}}};
//   const absl::Status status = writer.append(record);
//   if (!status.ok()) std::cerr << status.message() << "\n";
//
// Behaves like a GrowingFile. Not for other JSON Lines files, whose lines have no steps.
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

  // Removes the first line beyond `end` and all lines after it, and an incomplete last line. Does
  // nothing if there is no file.
  absl::Status rewind(const LogPosition& end);

 private:
  GrowingFile file_;
};

}  // namespace accelerate::metrics
