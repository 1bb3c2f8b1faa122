#include "accelerate/tracking/file_trackers.h"

#include "formats/metrics/run_folder.h"

namespace accelerate {

void JsonLinesTracker::start(const TrackedRun& run) {
  writer_.reset();
  writer_.emplace(run.folder + "/" + metrics::kJsonlFile);
}
void JsonLinesTracker::rewind(const metrics::LogPosition& end) {
  warning_.check(writer_->rewind(end));
}
void JsonLinesTracker::log(const metrics::Record& record) {
  warning_.check(writer_->append(record));
}

void CsvTracker::start(const TrackedRun& run) {
  writer_.reset();
  writer_.emplace(run.folder + "/" + metrics::kCsvFile);
}
void CsvTracker::rewind(const metrics::LogPosition& end) { warning_.check(writer_->rewind(end)); }
void CsvTracker::log(const metrics::Record& record) { warning_.check(writer_->append(record)); }

}  // namespace accelerate
