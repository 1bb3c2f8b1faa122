// One number for every param group of an optimizer, or one for each.
//
// Options of schedulers use it where Python takes "float or list":
//
//   accelerate::OneCycle all(sgd, {.max_lr = 0.1, .total_steps = 100});
//   accelerate::OneCycle each(sgd, {.max_lr = {0.1, 0.01}, .total_steps = 100});
//
// When not to use it: for what a param group already holds in its options; set it there.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace accelerate {

// A value without locks: reading it from several threads is safe.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}                            // NOLINT
  PerGroup(std::initializer_list<double> values) : values_(values) {}   // NOLINT
  PerGroup(std::vector<double> values) : values_(std::move(values)) {}  // NOLINT

  // One number per group. A single number stands for every group. Throws c10::Error, naming
  // `option`, when the numbers are neither one nor `groups`.
  std::vector<double> expand(std::size_t groups, const std::string& option) const;

  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

}  // namespace accelerate
