// One of a linear layer's products, described to cuBLASLt.
//
// Example:
//   Matmul matmul(problem, Product::kForward);
//   const absl::StatusOr<cublasLtMatmulAlgo_t> algorithm = matmul.find_algorithm(handle);
//   const absl::Status status = matmul.run(
//       handle, *algorithm, {.a = weight, .b = input, .d = output, .bias = bias}, gpu);
//
// Not for callers outside of this folder: see linear.h.
#pragma once

#include <cublasLt.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_problem.h"

namespace accelerate::kernels {

enum class Product { kForward, kWeightGradient };

struct MatmulArrays {
  const void* a = nullptr;
  const void* b = nullptr;
  void* d = nullptr;
  const void* bias = nullptr;  // Or the place for its gradient.
  void* gelu_input = nullptr;
};

// OK for success, otherwise an Internal error with the name of cuBLASLt's.
absl::Status cublas_status(cublasStatus_t status);

class Matmul {
 public:
  Matmul(const LinearProblem& problem, Product product);

  absl::StatusOr<cublasLtMatmulAlgo_t> find_algorithm(cublasLtHandle_t handle);
  absl::Status run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm,
                   const MatmulArrays& arrays, const LinearGpu& gpu);

 private:
  // Keeps the first error, which find_algorithm() and run() return.
  void note(cublasStatus_t status);
  void set_epilogue_arrays(const void* bias, void* gelu_input);
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value);

  bool has_bias_;
  bool keeps_gelu_input_;
  cublasStatus_t first_error_ = CUBLAS_STATUS_SUCCESS;
  cublasLtMatmulDescOpaque_t operation_ = {};
  cublasLtMatrixLayoutOpaque_t a_ = {}, b_ = {}, d_ = {};
};

}  // namespace accelerate::kernels
