// Measures how long something takes, several times.
//
//   std::vector<double> seconds;
//   for (int round = 0; round < 9; ++round)
//     seconds.push_back(seconds_of([] { train(loader[0]); }));
//   accelerator.print(median(seconds), " s");
//
// Not for work so short that reading the clock counts: use Google Benchmark for that.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace accelerate::benchmarks {

template <class Work>
double seconds_of(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  std::forward<Work>(work)();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The median of at least one value; the upper one if two are in the middle.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace accelerate::benchmarks
