// A histogram for TensorBoard: counts of values between limits that grow by a tenth from one to the
// next, so that it suits weights and gradients of any size.
//
// Example:
//   const tensorboard::Histogram histogram = tensorboard::make_histogram(weights);
//   std::cout << histogram.count << " values, up to " << histogram.max << "\n";
//
// Not for exact quantiles.
#pragma once

#include <span>
#include <vector>

namespace accelerate::tensorboard {

struct Histogram {
  double min = 0;
  double max = 0;
  double count = 0;
  double sum = 0;
  double sum_of_squares = 0;
  // counts[i] values are at most limits[i], and above limits[i - 1].
  std::vector<double> limits = {};
  std::vector<double> counts = {};
};

// Counts the finite values; if there are none, the histogram has a single zero that is counted zero
// times. The limits are those of PyTorch, in which the first count is zero.
Histogram make_histogram(std::span<const double> values);

}  // namespace accelerate::tensorboard
