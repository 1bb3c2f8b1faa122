// Writes `metrics.csv` of a run, for spreadsheets and data frames: a row for each record, a column
// for each name behind `step` and `time`, in the manner of RFC 4180. A cell of a name that a record
// does not have is empty.
//
// Example:
//   metrics::CsvWriter writer("runs/first/metrics.csv");
//   const metrics::Record record = {.step = 12, .time = 1764460000.5, .values = {{"loss", 0.5}}};
//   const absl::Status status = writer.append(record);
//   if (!status.ok()) std::cerr << status.message() << "\n";
//
// What holds of a GrowingFile holds of it. A name that was not there before gets a column of its
// own behind the others: the file is then replaced by a wider one, in one moment. Not for names
// that are ever new, as each costs the time to write all that is there.
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
  // One that is there is gone on with.
  explicit CsvWriter(const std::string& path) : file_(path, /*head=*/"") {}

  const std::string& path() const { return file_.path(); }
  absl::Status append(const Record& record);

  // Takes away the first row beyond `end` and all behind it, and a last row that is cut off.
  // Nothing where there is no file.
  absl::Status rewind(const LogPosition& end);

 private:
  // The columns of the file that is there; FailedPrecondition where it is of another form.
  absl::Status find_columns();
  absl::Status widen(const std::vector<std::string>& columns);

  GrowingFile file_;
  // Empty as long as nobody has looked.
  std::vector<std::string> columns_;
};

}  // namespace accelerate::metrics
