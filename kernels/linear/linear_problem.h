// The size and kind of a linear layer's products: activation(input · weightᵀ + bias).
//
// Example:
//   const LinearProblem problem = {
//       .type = ElementType::kBFloat16, .rows = 4096, .in = 768, .out = 3072, .bias = true};
//   const absl::Status refusal = check_linear(problem);
//
// Not for whether this GPU has an algorithm for it: ask find_linear().
#pragma once

#include <compare>
#include <cstdint>

#include "absl/status/status.h"
#include "kernels/linear/activation.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// All matrices are row-major and dense: input [rows, in], weight [out, in], output [rows, out].
struct LinearProblem {
  ElementType type = ElementType::kFloat;  // The type of all arrays; sums are fp32.
  int64_t rows = 0;
  int64_t in = 0;
  int64_t out = 0;
  bool bias = false;
  Activation activation = Activation::kNone;
  bool backward = false;    // Whether a backward pass will follow the forward pass.
  bool allow_tf32 = false;  // Whether fp32 factors may be rounded to TF32.

  // The derivative of GELU is calculated from its input.
  bool keeps_gelu_input() const { return backward && activation == Activation::kGeluTanh; }

  auto operator<=>(const LinearProblem&) const = default;
};

// Whether cuBLASLt's epilogues take such arrays at all. If not, returns Unimplemented and says why.
absl::Status check_linear(const LinearProblem& problem);

}  // namespace accelerate::kernels
