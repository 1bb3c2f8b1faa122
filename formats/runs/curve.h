// Turns the points of a series into the metric that is shown: its last and best values, and as many
// columns as a screen can show.
//
// Example:
//   const runs::Metric metric = runs::summarize("loss", points);
//   std::cout << metric.last.value << " after " << metric.points << " points\n";
//
// Each column keeps the lowest and the highest of its values, so that a spike among a million
// values is still visible. Not for calculations: the values in between are lost.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::runs {

// More than a chart has pixels on most screens.
inline constexpr std::size_t kMostColumns = 1500;

// There must be at least one point.
Metric summarize(const std::string& name, const std::vector<metrics::Point>& points);

// Merges neighbouring columns until at most `most` are left; `most` must be at least 1.
std::vector<CurveColumn> with_fewer_columns(const std::vector<CurveColumn>& curve,
                                            std::size_t most);

// Whether the name suggests that the highest value is the best, as "eval/accuracy" does. If it
// contains a loss or an error, or suggests nothing, the lowest value is the best.
bool higher_is_better(const std::string& name);

}  // namespace accelerate::runs
