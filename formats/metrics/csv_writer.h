// Writes the `metrics.csv` of a run, for spreadsheets and data frames, in the format of RFC 4180:
// one row per record, and after `step` and `time` one column per name. If a record lacks a name,
// its cell is empty.
//
// Example:
//   metrics::CsvWriter writer("runs/first/metrics.csv");
//   const metrics::Record record = {.step = 12, .time = 1764460000.5, .values = {{"loss", 0.5}}};
//   const absl::Status status = writer.append(record);
//   if (!status.ok()) std::cerr << status.message() << "\n";
//
// Behaves like a GrowingFile. A new name gets its own column after the others: the file is then
// atomically replaced by a wider one. Not for names that keep changing, because each new name
// rewrites the whole file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/metrics/growing_file.h"
#include "formats/metrics/log_position.h"
#include "formats/metrics/record.h"

namespace accelerate::metrics {

// Not thread-safe.
class CsvWriter {
 public:
  // Continues a file that exists.
  explicit CsvWriter(const std::string& path) : file_(path, /*head=*/"") {}

  const std::string& path() const { return file_.path(); }
  absl::Status append(const Record& record);

  // Removes the first row beyond `end` and all rows after it, and an incomplete last row. Does
  // nothing if there is no file.
  absl::Status rewind(const LogPosition& end);

 private:
  // The columns of the existing file; FailedPrecondition if it has another format.
  absl::Status find_columns();
  absl::Status widen(const std::vector<std::string>& columns);

  GrowingFile file_;
  // Empty until the file has been looked at.
  std::vector<std::string> columns_;
};

}  // namespace accelerate::metrics
