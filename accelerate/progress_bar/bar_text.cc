#include "accelerate/progress_bar/bar_text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/text/columns.h"

namespace accelerate::internal {
namespace {

using launcher::clipped;
using launcher::columns_of;

// Three digits, or more before the point.
std::string number(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

// "1.20k"; below 1000 as it is.
std::string scaled(double value) {
  constexpr std::string_view kPrefixes = "kMGTPE";
  constexpr double kTooLarge = 999.5;
  if (value < kTooLarge) return number(value);
  std::size_t prefix = 0;
  for (value /= 1000; value >= kTooLarge && prefix + 1 < kPrefixes.size(); value /= 1000) ++prefix;
  return absl::StrCat(number(value), std::string(1, kPrefixes[prefix]));
}

std::string count(int64_t steps, const BarState& state) {
  constexpr int64_t kFirstScaled = 1000;
  if (!state.unit_scale || steps < kFirstScaled) return absl::StrCat(steps);
  return scaled(static_cast<double>(steps));
}

std::string duration(double seconds) {
  constexpr double kForever = 1e10;
  if (!(seconds < kForever)) return "?";
  const auto whole = static_cast<int64_t>(std::max(0.0, seconds));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours == 0) return absl::StrFormat("%02d:%02d", minutes, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60);
}

std::string rate(const BarState& state) {
  if (!(state.per_second > 0)) return absl::StrCat("? ", state.unit, "/s");
  if (state.per_second < 1) return absl::StrCat(number(1 / state.per_second), " s/", state.unit);
  return absl::StrCat(state.unit_scale ? scaled(state.per_second) : number(state.per_second), " ",
                      state.unit, "/s");
}

double fraction(const BarState& state) {
  if (*state.total == 0) return 1;
  return std::max(0.0, static_cast<double>(state.done) / static_cast<double>(*state.total));
}

// Never 100% before the end.
std::string percentage(const BarState& state) {
  double percent = std::floor(100 * fraction(state));
  if (state.done < *state.total) percent = std::min(percent, 99.0);
  return absl::StrFormat("%3.0f%%", percent);
}

// With what parts it from the rest.
std::string description(const BarState& state, int columns = std::numeric_limits<int>::max()) {
  constexpr std::string_view kEnd = ": ";
  if (state.description.empty()) return "";
  const int left = std::max(0, columns - static_cast<int>(kEnd.size()));
  return absl::StrCat(clipped(state.description, left), std::string(kEnd));
}

std::string figures(const BarState& state) {
  std::string text = count(state.done, state);
  if (state.total.has_value()) {
    absl::StrAppend(&text, "/", count(*state.total, state));
  } else {
    absl::StrAppend(&text, " ", state.unit);
  }
  absl::StrAppend(&text, " [", duration(state.elapsed));
  if (state.total.has_value()) {
    const double left =
        std::max(0.0, static_cast<double>(*state.total) - static_cast<double>(state.done));
    absl::StrAppend(&text, "<", left > 0 ? duration(left / state.per_second) : duration(0));
  }
  absl::StrAppend(&text, ", ", rate(state));
  if (!state.values.empty()) absl::StrAppend(&text, ", ", state.values);
  return absl::StrCat(text, "]");
}

// All but the description.
std::string rest_of_line(const BarState& state) {
  if (!state.total.has_value()) return figures(state);
  return absl::StrCat(percentage(state), " ", figures(state));
}

std::string meter(double share, int columns, bool has_blocks) {
  constexpr int kEighths = 8;
  constexpr const char* kBlocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::min(1.0, share) * columns * kEighths);
  const int full = eighths / kEighths;
  std::string text;
  for (int i = 0; i < full; ++i) text += has_blocks ? "█" : "#";
  if (full == columns) return text;
  text += has_blocks ? kBlocks[eighths % kEighths] : " ";
  return text + std::string(static_cast<std::size_t>(columns - full - 1), ' ');
}

}  // namespace

std::string line_text(const BarState& state) {
  return absl::StrCat(description(state), rest_of_line(state));
}

std::string bar_text(const BarState& state, const BarSpace& space) {
  constexpr int kShortestMeter = 10, kLongestMeter = 60;
  if (state.total.has_value()) {
    const std::string before = absl::StrCat(description(state), percentage(state), "|");
    const std::string behind = absl::StrCat("| ", figures(state));
    const int left = space.columns - columns_of(before) - columns_of(behind);
    if (left >= kShortestMeter) {
      const int columns = std::min(left, kLongestMeter);
      return absl::StrCat(before, meter(fraction(state), columns, space.has_blocks), behind);
    }
  }
  const std::string rest = rest_of_line(state);
  const int left = std::max(space.columns - columns_of(rest), space.columns / 3);
  return clipped(absl::StrCat(description(state, left), rest), space.columns);
}

}  // namespace accelerate::internal
