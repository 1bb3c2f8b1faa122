#include "formats/tensorboard/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace accelerate::tensorboard {
namespace {

// As TensorFlow's core/lib/histogram/histogram.cc has them.
std::vector<double> make_limits() {
  std::vector<double> positive;
  for (double limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push_back(limit);
  std::vector<double> limits;
  for (auto limit = positive.rbegin(); limit != positive.rend(); ++limit) limits.push_back(-*limit);
  limits.push_back(0);
  limits.insert(limits.end(), positive.begin(), positive.end());
  return limits;
}

}  // namespace

Histogram make_histogram(std::span<const double> values) {
  static const std::vector<double> kLimits = make_limits();
  Histogram histogram;
  // counts[i] is of what lies from limit i on and below the next; the last one has both its ends.
  std::vector<double> counts(kLimits.size() - 1);
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    histogram.min = histogram.count == 0 ? value : std::min(histogram.min, value);
    histogram.max = histogram.count == 0 ? value : std::max(histogram.max, value);
    ++histogram.count;
    histogram.sum += value;
    histogram.sum_of_squares += value * value;
    const auto above = std::upper_bound(kLimits.begin(), kLimits.end(), value);
    const auto index = std::clamp<std::ptrdiff_t>(above - kLimits.begin() - 1, 0,
                                                  static_cast<std::ptrdiff_t>(counts.size()) - 1);
    ++counts[static_cast<std::size_t>(index)];
  }
  if (histogram.count == 0) {
    histogram.limits = {0};
    histogram.counts = {0};
    return histogram;
  }
  const auto is_used = [](double count) { return count > 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), is_used);
  const auto last = std::find_if(counts.rbegin(), counts.rend(), is_used).base();
  const auto begin = kLimits.begin() + (first - counts.begin());
  // What comes first in the file is a limit from below, of nothing.
  histogram.limits.assign(begin, begin + (last - first) + 1);
  histogram.counts = {0};
  histogram.counts.insert(histogram.counts.end(), first, last);
  return histogram;
}

}  // namespace accelerate::tensorboard
