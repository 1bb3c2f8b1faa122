#include "launcher/cli/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

namespace accelerate::launcher {
namespace {

constexpr std::size_t kLevels = 8;
constexpr std::array<const char*, kLevels> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<const char*, kLevels> kLetters = {"_", ".", "-", ":", "=", "+", "*", "#"};

struct Cell {
  double mean = 0;
  double count = 0;  // Of columns with a mean.
  bool has_non_finite = false;
};

// Where `value` is between `low` and `high`, from 0 to 1. Halved, as the difference of two large
// numbers may be none.
double share(double value, double low, double high) {
  if (!(low / 2 < high / 2)) return 0;
  return std::clamp((value / 2 - low / 2) / (high / 2 - low / 2), 0.0, 1.0);
}

std::size_t nth(double share, std::size_t count) {
  return std::min(static_cast<std::size_t>(share * static_cast<double>(count)), count - 1);
}

}  // namespace

std::string sparkline(const std::vector<runs::CurveColumn>& curve, const SparklineScale& scale,
                      const SparklineOptions& options) {
  const auto width = static_cast<std::size_t>(options.width);
  std::vector<Cell> cells(width);
  std::size_t last_cell = 0;
  for (const runs::CurveColumn& column : curve) {
    const std::size_t index =
        nth(share(static_cast<double>(column.step), static_cast<double>(scale.first_step),
                  static_cast<double>(scale.last_step)),
            width);
    Cell& cell = cells[index];
    last_cell = std::max(last_cell, index);
    cell.has_non_finite = cell.has_non_finite || column.has_non_finite;
    if (std::isnan(column.mean)) continue;
    ++cell.count;
    cell.mean = cell.mean * ((cell.count - 1) / cell.count) + column.mean / cell.count;
  }
  std::string text;
  std::optional<double> level;
  for (std::size_t i = 0; i < width; ++i) {
    const Cell& cell = cells[i];
    if (cell.count > 0) level = cell.mean;
    if (cell.has_non_finite) {
      text += options.is_ascii ? "x" : "×";
    } else if (level.has_value() && i <= last_cell && !curve.empty()) {
      const std::size_t height = nth(share(*level, scale.lowest, scale.highest), kLevels);
      text += options.is_ascii ? kLetters[height] : kBlocks[height];
    } else {
      text += " ";
    }
  }
  return text;
}

}  // namespace accelerate::launcher
