// A linear layer with its activation, which replaces torch::nn::Linear and a call of relu or
// gelu("tanh"): the same parameters from the same random draws, and on a GPU one pass of cuBLASLt
// over the output instead of three.
//
//   FusedLinear expand(FusedLinearOptions{
//       .in_features = 128, .out_features = 512, .activation = Activation::kGeluTanh});
//   auto hidden = expand(features);   // [..., 512] from [..., 128]
//
// On a CPU the results equal LibTorch's, bit for bit; so do those for types and sizes that cuBLASLt
// does not support (it needs fp32, fp16 or bf16, and numbers of features that are multiples of 8).
// Not for the exact GELU, and not for gradients of gradients on a GPU; use LibTorch's layers there.
#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "kernels/linear/activation.h"

namespace accelerate {

using kernels::Activation;

// activation(input · weightᵀ + bias); under autocast, in the type that autocast chooses for linear.
// Input [..., in], weight [out, in], bias [out] or undefined. Throws c10::Error when shapes do not
// match.
torch::Tensor fused_linear(const torch::Tensor& input, const torch::Tensor& weight,
                           const torch::Tensor& bias, Activation activation);

struct FusedLinearOptions {
  int64_t in_features = 0;
  int64_t out_features = 0;
  bool bias = true;
  Activation activation = Activation::kNone;
};

class FusedLinearImpl : public torch::nn::Cloneable<FusedLinearImpl> {
 public:
  // Throws c10::Error when a size makes no sense.
  explicit FusedLinearImpl(const FusedLinearOptions& options);

  // Draws the parameters as torch::nn::Linear does.
  void reset() override;

  torch::Tensor forward(const torch::Tensor& input);

  FusedLinearOptions options;
  torch::Tensor weight;
  torch::Tensor bias;  // Undefined without one.
};
TORCH_MODULE(FusedLinear);

}  // namespace accelerate
