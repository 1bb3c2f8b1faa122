// From the points of a series to the metric that is shown: its last and best values, and as many
// columns as a screen has.
//
// Example:
//   const runs::Metric metric = runs::summarize("loss", points);
//   std::cout << metric.last.value << " after " << metric.points << " points\n";
//
// Each column keeps the lowest and the highest of its values, so that a spike among a million of
// them is still seen. Not for computing with: the values between are gone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::runs {

// More than a chart has pixels on most screens.
inline constexpr std::size_t kMostColumns = 1500;

// There must be a point.
Metric summarize(const std::string& name, const std::vector<metrics::Point>& points);

// As many columns at most, at least one, each of several neighbours.
std::vector<CurveColumn> with_fewer_columns(const std::vector<CurveColumn>& curve,
                                            std::size_t most);

// Whether the name is one of a metric whose highest value is the best, such as "eval/accuracy":
// of one with a loss or an error in it, and of those that say nothing, it is the lowest.
bool higher_is_better(const std::string& name);

}  // namespace accelerate::runs
