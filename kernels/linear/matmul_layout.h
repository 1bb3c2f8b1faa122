// A linear layer's products of row-major matrices as cuBLASLt, which is column-major, sees them:
// D = op(A) · op(B), where a row-major matrix reads as its transpose.
//
// Example:
//   const MatmulLayout layout = forward_layout(problem);  // A is the weight, B the input.
//
// Not for matrices with gaps between their rows.
#pragma once

#include <cstdint>

#include "kernels/linear/linear_problem.h"

namespace accelerate::kernels {

struct MatmulLayout {
  bool transpose_a = false;
  bool transpose_b = false;
  int64_t m = 0;  // Rows of D.
  int64_t n = 0;  // Columns of D.
  int64_t k = 0;  // What is summed over.
  // How many elements apart two columns begin.
  int64_t lda = 0;
  int64_t ldb = 0;
  int64_t ldd = 0;
};

// output = input · weightᵀ. A: weight, B: input, D: output. D's rows are the outputs, as the bias
// of an epilogue requires.
inline MatmulLayout forward_layout(const LinearProblem& problem) {
  return {.transpose_a = true,
          .transpose_b = false,
          .m = problem.out,
          .n = problem.rows,
          .k = problem.in,
          .lda = problem.in,
          .ldb = problem.in,
          .ldd = problem.out};
}

// weight_gradient = sum_gradientᵀ · input. A: input, B: sum_gradient, D: weight_gradient. D's
// columns are the outputs, so the bias gradient is the sum of op(B) over k: the epilogue BGRADB.
inline MatmulLayout weight_gradient_layout(const LinearProblem& problem) {
  return {.transpose_a = false,
          .transpose_b = true,
          .m = problem.in,
          .n = problem.out,
          .k = problem.rows,
          .lda = problem.in,
          .ldb = problem.out,
          .ldd = problem.in};
}

}  // namespace accelerate::kernels
