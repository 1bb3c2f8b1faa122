// The unexpected results that a check of this machine saw on this rank.
//
// Example:
//   Findings found;
//   found.expect_equal("the sum of the ranks", at::full({1}, 3), accelerator.reduce(rank));
//   if (!found.empty()) std::cerr << found.first() << "\n";
//
// An expectation that fails does not end the check, because the other ranks may wait for this one
// in the collective that comes next. Not for tests of the library: use googletest.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace accelerate::self_test {

class Findings {
 public:
  // Notes the problem, a clause such as "expected 2 batches, saw 3", unless `holds`.
  void expect(bool holds, const std::string& problem);
  // Notes a different shape or type, or the first element that differs by more than tolerance * (1
  // + |expected|). The tensors may be on different devices.
  void expect_equal(const std::string& what, const at::Tensor& expected, const at::Tensor& seen,
                    double tolerance = 0);

  bool empty() const { return first_.empty(); }
  // The problem that was noted first, which is usually the cause of the others.
  const std::string& first() const { return first_; }

 private:
  std::string first_;
};

}  // namespace accelerate::self_test
