// One number for all param groups of an optimizer, or one number for each.
//
// Options of schedulers use it where Python takes "float or list":
//
//   accelerate::OneCycle all(sgd, {.max_lr = 0.1, .total_steps = 100});
//   accelerate::OneCycle each(sgd, {.max_lr = {0.1, 0.01}, .total_steps = 100});
//
// When not to use it: for values that a param group already has in its options; set them there.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace accelerate {

// A plain value: reading it from several threads is safe.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}                            // NOLINT
  PerGroup(std::initializer_list<double> values) : values_(values) {}   // NOLINT
  PerGroup(std::vector<double> values) : values_(std::move(values)) {}  // NOLINT

  // One number per group. A single number applies to every group. Throws c10::Error, naming
  // `option`, when there are neither one number nor `groups` of them.
  std::vector<double> expand(std::size_t groups, const std::string& option) const;

  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

}  // namespace accelerate
