// What a linear layer does to its sums.
//
// Example:
//   LinearProblem problem = {.rows = 64, .in = 128, .out = 512};
//   problem.activation = Activation::kGeluTanh;
//
// Not for the exact GELU, which no cuBLASLt epilogue has.
#pragma once

namespace accelerate::kernels {

enum class Activation { kNone, kRelu, kGeluTanh };

}  // namespace accelerate::kernels
