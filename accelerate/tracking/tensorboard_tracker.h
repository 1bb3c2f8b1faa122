// The tracker for TensorBoard, which shows a run's curves, images and histograms in a browser:
//
//   $ tensorboard --logdir runs
//
// The settings of the run are in the tab "HParams". For features that only TensorBoard has, call
// the tracker itself, which exists only on the main process:
//
//   auto* board = accelerator.template get_tracker<TensorBoardTracker>("tensorboard");
//   if (board != nullptr) board->log_layout({{"losses", {{"both", {"train/loss", "eval/loss"}}}}});
//
// TensorBoard stores scalars as floats. Not for reading values back: "jsonl" keeps them exactly.
#pragma once

#include <optional>
#include <string>

#include "accelerate/tracking/file_warning.h"
#include "accelerate/tracking/tracker.h"
#include "formats/tensorboard/event_writer.h"

namespace accelerate {

class TensorBoardTracker final : public Tracker {
 public:
  std::string_view name() const override { return "tensorboard"; }
  bool needs_folder() const override { return true; }
  void start(const TrackedRun& run) override;
  void rewind(const metrics::LogPosition& end) override;
  void log(const metrics::Record& record) override;
  bool log_image(const std::string& name, int64_t step, const LoggedImage& image) override;
  bool log_histogram(const std::string& name, int64_t step,
                     std::span<const double> values) override;
  void finish() override;

  // Defines the charts of the tab "Custom scalars", by groups.
  void log_layout(const tensorboard::Layout& layout);

 private:
  std::optional<tensorboard::EventWriter> writer_;
  internal::FileWarning warning_;
};

}  // namespace accelerate
