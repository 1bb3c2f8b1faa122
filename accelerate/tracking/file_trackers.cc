#include "accelerate/tracking/file_trackers.h"

#include "formats/metrics/run_folder.h"

namespace accelerate {

void JsonLinesTracker::start(const TrackedRun& run) {
  writer_.reset();
  warning_.begin();
  writer_.emplace(run.folder + "/" + metrics::kJsonlFile);
}
void JsonLinesTracker::rewind(const metrics::LogPosition& end) {
  warning_.write_first([this, end] { return writer_->rewind(end); });
}
void JsonLinesTracker::log(const metrics::Record& record) {
  warning_.write([&] { return writer_->append(record); });
}

void CsvTracker::start(const TrackedRun& run) {
  writer_.reset();
  warning_.begin();
  writer_.emplace(run.folder + "/" + metrics::kCsvFile);
}
void CsvTracker::rewind(const metrics::LogPosition& end) {
  warning_.write_first([this, end] { return writer_->rewind(end); });
}
void CsvTracker::log(const metrics::Record& record) {
  warning_.write([&] { return writer_->append(record); });
}

}  // namespace accelerate
