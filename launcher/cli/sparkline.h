// A curve in a line of text.
//
// Example:
//   const SparklineScale scale = {.last_step = 3, .lowest = 0, .highest = 1};
//   std::cout << sparkline(metric.curve, scale, {.width = 4}) << "\n";  // ▁▃▆█
//
// Not for reading values off: a character shows one of eight levels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/runs/run.h"

namespace accelerate::launcher {

// What the first and the last character, the lowest and the highest level stand for: one scale for
// all curves that are to be compared.
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

// Exactly as wide as asked for, with spaces where the curve has not begun or has ended. A character
// is the mean of the values of its steps, or the one before where it has none, and a cross where
// NaN or an infinity is among them.
std::string sparkline(const std::vector<runs::CurveColumn>& curve, const SparklineScale& scale,
                      const SparklineOptions& options);

}  // namespace accelerate::launcher
