// One call of a run's log(): values with names, of one step.
//
// Example:
//   metrics::Record record = {.step = 12, .time = 1764460000.123};
//   record.values = {{"loss", 0.5}, {"tokens", std::int64_t{4096}}, {"note", "warm"}};
//
// Not for a run's settings, which are its RunConfig.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace accelerate::metrics {

using Value = std::variant<double, std::int64_t, std::string>;

struct Record {
  std::int64_t step = 0;
  // Seconds since 1970.
  double time = 0;
  // In the order in which they were given; no name appears twice.
  std::vector<std::pair<std::string, Value>> values = {};
};

}  // namespace accelerate::metrics
