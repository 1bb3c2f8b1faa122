// What a training run has logged: for each name, such as "loss", its values in the order in which
// they were logged. All readers of logged metrics return it.
//
// Example:
//   const absl::StatusOr<metrics::History> run = metrics::read_jsonl("runs/first/metrics.jsonl");
//   if (!run.ok()) return fail(run.status());
//   for (const metrics::Point& point : run->series.at("loss")) {
//     std::cout << point.step << " " << point.value << "\n";
//   }
//
// Not for texts and images, which are left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace accelerate::metrics {

struct Point {
  std::int64_t step = 0;
  // Seconds since 1970.
  double time = 0;
  // May be NaN or infinite.
  double value = 0;
};

struct History {
  // The values by name; no series is empty.
  std::map<std::string, std::vector<Point>> series = {};
  // A sentence for each thing that could not be read, such as the end of a truncated file;
  // everything else was read.
  std::vector<std::string> remarks = {};
};

}  // namespace accelerate::metrics
