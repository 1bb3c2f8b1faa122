// A curve in a line of text.
//
// Example:
//   const SparklineScale scale = {.last_step = 3, .lowest = 0, .highest = 1};
//   std::cout << sparkline(metric.curve, scale, {.width = 4}) << "\n";  // ▁▃▆█
//
// Not for reading exact values: a character shows one of eight levels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::launcher {

// What the first and the last character and the lowest and the highest level stand for. Use one
// scale for all curves to be compared.
struct SparklineScale {
  std::int64_t first_step = 0;
  std::int64_t last_step = 0;
  double lowest = 0;
  double highest = 0;
};

struct SparklineOptions {
  int width = 20;  // In characters, at least one.
  bool is_ascii = false;
};

// Exactly `width` characters, with spaces before the curve begins and after it ends. A character
// shows the mean of the values of its steps, repeats the one before it if it has no values, and is
// a cross if the values include NaN or an infinity.
std::string sparkline(const std::vector<runs::CurveColumn>& curve, const SparklineScale& scale,
                      const SparklineOptions& options);

}  // namespace accelerate::launcher
