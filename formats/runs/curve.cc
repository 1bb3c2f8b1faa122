#include "formats/runs/curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace accelerate::runs {
namespace {

using metrics::Point;

constexpr std::array<absl::string_view, 4> kLower = {"err", "error", "loss", "perplexity"};
constexpr std::array<absl::string_view, 33> kHigher = {
    "acc",   "accuracy",  "ap",   "auc",     "auroc",      "bleu",   "correct", "dice",  "f1",
    "fps",   "goodput",   "iou",  "map",     "mfu",        "miou",   "mrr",     "ndcg",  "pearson",
    "psnr",  "precision", "r2",   "recall",  "return",     "reward", "rouge",   "score", "share",
    "speed", "spearman",  "ssim", "success", "throughput", "top"};

template <typename Words>
bool is_among(const std::string& word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "eval/top5_Accuracy" is "eval", "top5", "top" and "accuracy".
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char letter : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(letter))) {
      words.back().push_back(absl::ascii_tolower(static_cast<unsigned char>(letter)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  for (std::size_t i = 0, count = words.size(); i < count; ++i) {
    words.push_back(words[i].substr(0, words[i].find_first_of("0123456789")));
  }
  return words;
}

CurveColumn column_of(std::span<const Point> points) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  CurveColumn column = {.step = points.back().step,
                        .time = points.back().time,
                        .mean = kNone,
                        .lowest = kNone,
                        .highest = kNone};
  double count = 0;
  for (const Point& point : points) {
    if (!std::isfinite(point.value)) {
      column.has_non_finite = true;
      continue;
    }
    ++count;
    if (count == 1) {
      column.mean = column.lowest = column.highest = point.value;
      continue;
    }
    // A sum might leave the range of numbers.
    column.mean = column.mean * ((count - 1) / count) + point.value / count;
    column.lowest = std::min(column.lowest, point.value);
    column.highest = std::max(column.highest, point.value);
  }
  return column;
}

}  // namespace

Metric summarize(const std::string& name, const std::vector<Point>& points) {
  Metric metric = {.name = name,
                   .points = static_cast<std::int64_t>(points.size()),
                   .last = points.back(),
                   .higher_is_better = higher_is_better(name)};
  for (const Point& point : points) {
    if (!std::isfinite(point.value)) {
      if (!metric.first_non_finite.has_value()) metric.first_non_finite = point;
      continue;
    }
    if (!metric.lowest.has_value() || point.value < metric.lowest->value) metric.lowest = point;
    if (!metric.highest.has_value() || point.value > metric.highest->value) metric.highest = point;
  }
  const std::size_t columns = std::min(points.size(), kMostColumns);
  metric.curve.reserve(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t begin = points.size() * i / columns;
    const std::size_t end = points.size() * (i + 1) / columns;
    metric.curve.push_back(column_of(std::span(points).subspan(begin, end - begin)));
  }
  return metric;
}

std::vector<CurveColumn> with_fewer_columns(const std::vector<CurveColumn>& curve,
                                            std::size_t most) {
  const std::size_t columns = std::min(curve.size(), most);
  std::vector<CurveColumn> fewer;
  fewer.reserve(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::size_t begin = curve.size() * i / columns;
    const std::size_t end = curve.size() * (i + 1) / columns;
    CurveColumn joined = curve[end - 1];
    double count = 0;
    for (const CurveColumn& column : std::span(curve).subspan(begin, end - begin)) {
      joined.has_non_finite = joined.has_non_finite || column.has_non_finite;
      if (std::isnan(column.mean)) continue;
      const bool is_first = ++count == 1;
      joined.mean =
          is_first ? column.mean : joined.mean * ((count - 1) / count) + column.mean / count;
      joined.lowest = is_first ? column.lowest : std::min(joined.lowest, column.lowest);
      joined.highest = is_first ? column.highest : std::max(joined.highest, column.highest);
    }
    fewer.push_back(joined);
  }
  return fewer;
}

bool higher_is_better(const std::string& name) {
  const std::vector<std::string> words = words_of(name);
  const auto has_one_of = [&words](const auto& known) {
    return std::any_of(words.begin(), words.end(),
                       [&known](const std::string& word) { return is_among(word, known); });
  };
  const bool is_rate =
      is_among("per", words) && (is_among("second", words) || is_among("s", words));
  return (is_rate || has_one_of(kHigher)) && !has_one_of(kLower);
}

}  // namespace accelerate::runs
