// A linear layer and its activation by cuBLASLt, with its backward pass. Part of FusedLinear; not
// for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/linear/activation.h"

namespace accelerate::internal {

// None where the input is on no GPU or cuBLASLt does not take such tensors. Shapes fit; the bias
// may be undefined.
std::optional<at::Tensor> gpu_linear(const at::Tensor& input, const at::Tensor& weight,
                                     const at::Tensor& bias, kernels::Activation activation);

}  // namespace accelerate::internal
