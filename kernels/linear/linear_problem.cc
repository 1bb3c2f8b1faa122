#include "kernels/linear/linear_problem.h"

#include "absl/strings/str_cat.h"

namespace accelerate::kernels {

absl::Status check_linear(const LinearProblem& problem) {
  if (problem.type == ElementType::kDouble)
    return absl::UnimplementedError(
        "a fused linear layer computes in fp32, fp16 or bf16, not fp64");
  if (problem.rows < 1 || problem.in < 1 || problem.out < 1) {
    return absl::UnimplementedError(absl::StrCat("a fused linear layer of ", problem.rows,
                                                 " rows, ", problem.in, " inputs and ", problem.out,
                                                 " outputs is empty; each must be at least 1"));
  }
  if (!problem.bias && problem.activation == Activation::kNone) {
    return absl::UnimplementedError(
        "a linear layer with neither a bias nor an activation has nothing to fuse");
  }
  // Rows of 16 bytes in the 16-bit types, and GELU's kept input asks for 8 elements in any type.
  if (problem.in % 8 != 0 || problem.out % 8 != 0) {
    return absl::UnimplementedError(absl::StrCat("a fused linear layer of ", problem.in,
                                                 " inputs and ", problem.out,
                                                 " outputs cannot be aligned; use multiples of 8"));
  }
  return absl::OkStatus();
}

}  // namespace accelerate::kernels
