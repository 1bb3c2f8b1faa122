#include "formats/runs/run_json.h"

#include <cmath>
#include <optional>

namespace accelerate::runs {
namespace {

using nlohmann::ordered_json;

ordered_json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

ordered_json to_json(const std::optional<metrics::Point>& point) {
  if (!point.has_value()) return nullptr;
  return {{"step", point->step}, {"time", number(point->time)}, {"value", number(point->value)}};
}

ordered_json to_json(const Metric& metric) {
  return {{"points", metric.points},
          {"last", to_json(std::optional(metric.last))},
          {"best", to_json(metric.best())},
          {"lowest", to_json(metric.lowest)},
          {"highest", to_json(metric.highest)},
          {"first_non_finite", to_json(metric.first_non_finite)},
          {"higher_is_better", metric.higher_is_better}};
}

}  // namespace

ordered_json to_json(const Run& run) {
  ordered_json config = ordered_json::object(), metrics = ordered_json::object();
  for (const auto& [name, value] : run.config) config[name] = value;
  for (const Metric& metric : run.metrics) metrics[metric.name] = to_json(metric);
  return {{"name", run.name},
          {"path", run.path},
          {"steps", run.last_step},
          {"started_at", number(run.started_at)},
          {"seconds", number(run.ended_at - run.started_at)},
          {"config", config},
          {"metrics", metrics},
          {"remarks", run.remarks}};
}

}  // namespace accelerate::runs
