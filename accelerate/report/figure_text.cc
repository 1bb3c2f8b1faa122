#include "accelerate/report/figure_text.h"

#include <cstddef>

#include "absl/strings/str_format.h"

namespace accelerate::internal {

std::string time_text(double seconds) {
  if (seconds < 1e-3) return absl::StrFormat("%.1f us", seconds * 1e6);
  if (seconds < 1) return absl::StrFormat("%.2f ms", seconds * 1e3);
  return absl::StrFormat("%.2f s", seconds);
}

std::string count_text(double count) {
  constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  // What three digits would round up to the next unit.
  for (; count >= (unit == 0 ? 1000 : 999.5) && unit < 6; ++unit) count /= 1000;
  return absl::StrFormat(unit == 0 ? "%.4g%s" : "%.3g %s", count, kUnits[unit]);
}

}  // namespace accelerate::internal
