#include "accelerate/self_test/findings.h"

#include <ATen/ATen.h>

#include <sstream>

namespace accelerate::self_test {

void Findings::expect(bool holds, const std::string& problem) {
  if (!holds && first_.empty()) first_ = problem;
}

void Findings::expect_equal(const std::string& what, const at::Tensor& expected,
                            const at::Tensor& seen, double tolerance) {
  std::ostringstream problem;
  problem << what << ": expected ";
  if (expected.sizes() != seen.sizes() || expected.scalar_type() != seen.scalar_type()) {
    problem << expected.scalar_type() << ' ' << expected.sizes() << ", saw " << seen.scalar_type()
            << ' ' << seen.sizes();
    return expect(false, problem.str());
  }
  const at::Tensor wanted = expected.detach().cpu().to(at::kDouble).reshape(-1);
  const at::Tensor got = seen.detach().cpu().to(at::kDouble).reshape(-1);
  // So written that a NaN is a difference.
  const at::Tensor equal = (wanted - got).abs() <= tolerance * (1 + wanted.abs());
  const at::Tensor different = equal.logical_not().nonzero();
  if (different.size(0) == 0) return;
  const int64_t element = different[0].item<int64_t>();
  problem << wanted[element].item<double>() << " as element " << element << " of " << wanted.size(0)
          << ", saw " << got[element].item<double>();
  expect(false, problem.str());
}

}  // namespace accelerate::self_test
