// A linear layer in GPU memory by cuBLASLt, whose epilogues add the bias, apply the activation and
// sum up the bias gradient while a product is in registers.
//
// Example:
//   const LinearProblem problem = {.rows = 64, .in = 128, .out = 512, .bias = true};
//   if (!find_linear(problem, device).ok()) return plain_linear();
//   const absl::Status status = linear_forward(
//       problem, {.input = x, .weight = w, .bias = b, .output = y}, {device, stream, workspace});
//
// Not for what other libraries do as well: the gradient of the input is a plain product, that of an
// activation a plain loop. In a build without CUDA every function returns an error that says so.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "kernels/linear/linear_problem.h"

namespace accelerate::kernels {

// How much memory a product may use in addition to its arrays.
constexpr std::size_t kLinearWorkspaceBytes = std::size_t{32} << 20;

// Where a product runs. The device is the thread's current one.
struct LinearGpu {
  int device = 0;
  void* stream = nullptr;     // A cudaStream_t.
  void* workspace = nullptr;  // kLinearWorkspaceBytes, used in the order of the stream.
};

// Arrays begin at multiples of 16 bytes.
struct LinearForward {
  const void* input = nullptr;
  const void* weight = nullptr;
  const void* bias = nullptr;  // [out]; for a problem with a bias.
  void* output = nullptr;
  void* gelu_input = nullptr;  // [rows, out]; for a problem with a GELU and a backward pass.
};

struct LinearWeightGradient {
  const void* input = nullptr;
  const void* sum_gradient = nullptr;  // [rows, out]; the gradient of the activation's input.
  void* weight_gradient = nullptr;
  void* bias_gradient = nullptr;  // [out]; for a problem with a bias.
};

// Whether the two functions below can be called. If not, returns Unimplemented and says why.
// Remembers the answer for each problem and device.
absl::Status find_linear(const LinearProblem& problem, int device);

absl::Status linear_forward(const LinearProblem& problem, const LinearForward& arrays,
                            const LinearGpu& gpu);
absl::Status linear_weight_gradient(const LinearProblem& problem,
                                    const LinearWeightGradient& arrays, const LinearGpu& gpu);

}  // namespace accelerate::kernels
