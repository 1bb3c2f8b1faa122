// Trackers that write `metrics.jsonl` and `metrics.csv` to the run's folder: a line for each call
// of log(), for scripts, spreadsheets and `accelerate runs`.
//
//   accelerator.init_trackers("first", {{"lr", 0.1}}, {.trackers = {"jsonl", "csv"}});
//
// A line has been passed to the operating system when log() returns; for values on a GPU, when they
// have arrived. A CSV file is rewritten for each new name; if many names come and go, use JSON
// lines. Not for images and histograms, which these trackers ignore.
#pragma once

#include <optional>

#include "accelerate/tracking/file_warning.h"
#include "accelerate/tracking/tracker.h"
#include "formats/metrics/csv_writer.h"
#include "formats/metrics/jsonl_writer.h"

namespace accelerate {

class JsonLinesTracker final : public Tracker {
 public:
  std::string_view name() const override { return "jsonl"; }
  bool needs_folder() const override { return true; }
  void start(const TrackedRun& run) override;
  void rewind(const metrics::LogPosition& end) override;
  void log(const metrics::Record& record) override;

 private:
  std::optional<metrics::JsonlWriter> writer_;
  internal::FileWarning warning_;
};

class CsvTracker final : public Tracker {
 public:
  std::string_view name() const override { return "csv"; }
  bool needs_folder() const override { return true; }
  void start(const TrackedRun& run) override;
  void rewind(const metrics::LogPosition& end) override;
  void log(const metrics::Record& record) override;

 private:
  std::optional<metrics::CsvWriter> writer_;
  internal::FileWarning warning_;
};

}  // namespace accelerate
