// A linear layer and its activation with cuBLASLt, and its backward pass.
//
// Part of FusedLinear; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/linear/activation.h"

namespace accelerate::internal {

// std::nullopt if the input is not on a GPU, or if cuBLASLt does not support such tensors. The
// shapes must fit; the bias may be undefined.
std::optional<at::Tensor> gpu_linear(const at::Tensor& input, const at::Tensor& weight,
                                     const at::Tensor& bias, kernels::Activation activation);

}  // namespace accelerate::internal
