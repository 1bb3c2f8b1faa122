// A training run for comparison with others: its settings, and the curve of each metric, reduced to
// what a screen can show.
//
// Example:
//   const absl::StatusOr<std::vector<runs::Run>> found = runs::read_runs("runs");
//   if (!found.ok()) return fail(found.status());
//   for (const runs::Run& run : *found) {
//     const runs::Metric* loss = runs::find_metric(run, "loss");
//     if (loss != nullptr) std::cout << run.name << ": " << loss->last.value << "\n";
//   }
//
// Not for every logged value: formats/metrics and formats/tensorboard read those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/metrics/history.h"

namespace accelerate::runs {

// Several neighbouring points of a curve.
struct CurveColumn {
  // The step, and the time, of the last of them.
  std::int64_t step = 0;
  double time = 0;  // In seconds since 1970.
  // The mean and the extremes of the finite values; NaN if there are none.
  double mean = 0;
  double lowest = 0;
  double highest = 0;
  // Whether NaN or an infinity is among the values.
  bool has_non_finite = false;
};

struct Metric {
  std::string name;
  std::int64_t points = 0;  // How many were logged, at least one.
  metrics::Point last = {};
  // The first lowest and the first highest finite value; none if no value is finite.
  std::optional<metrics::Point> lowest = {};
  std::optional<metrics::Point> highest = {};
  std::optional<metrics::Point> first_non_finite = {};
  // Whether the highest value is the best one, as for an accuracy, or the lowest, as for a loss.
  bool higher_is_better = false;
  std::vector<CurveColumn> curve = {};

  const std::optional<metrics::Point>& best() const { return higher_is_better ? highest : lowest; }
};

// A setting that a run was started with, such as "optimizer.lr" and "0.1".
using Setting = std::pair<std::string, std::string>;

struct Run {
  std::string name;  // The path of its folder below the one that was searched.
  std::string path;
  double started_at = 0;  // In seconds since 1970, by its config or else its first point.
  double ended_at = 0;    // When its last point was logged.
  std::int64_t last_step = 0;
  std::vector<Setting> config = {};  // In the order of its config file.
  std::vector<Metric> metrics = {};  // In the order of their names.
  // A sentence for each thing that is wrong with its files.
  std::vector<std::string> remarks = {};
};

// Null if the run has no metric of this name.
const Metric* find_metric(const Run& run, const std::string& name);
const std::string* find_setting(const Run& run, const std::string& name);

// All names that occur in the runs, each once: metrics sorted by name, settings in the order of the
// runs' config files.
std::vector<std::string> metric_names(const std::vector<Run>& runs);
std::vector<std::string> setting_names(const std::vector<Run>& runs);

// The settings that differ between the runs, or that some runs lack.
std::vector<std::string> differing_settings(const std::vector<Run>& runs);

}  // namespace accelerate::runs
