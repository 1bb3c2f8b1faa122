#include "kernels/linear/linear.h"

namespace accelerate::kernels {
namespace {

absl::Status not_in_build() {
  return absl::UnimplementedError("cuBLASLt is not in this build; build with --config=cuda");
}

}  // namespace

absl::Status find_linear(const LinearProblem&, int) { return not_in_build(); }

absl::Status linear_forward(const LinearProblem&, const LinearForward&, const LinearGpu&) {
  return not_in_build();
}

absl::Status linear_weight_gradient(const LinearProblem&, const LinearWeightGradient&,
                                    const LinearGpu&) {
  return not_in_build();
}

}  // namespace accelerate::kernels
