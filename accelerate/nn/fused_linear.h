// A linear layer with its activation, in the place of torch::nn::Linear and a call of relu or
// gelu("tanh"): the same parameters from the same draws, and on a GPU one pass of cuBLASLt over the
// output instead of three.
//
//   FusedLinear expand(FusedLinearOptions{
//       .in_features = 128, .out_features = 512, .activation = Activation::kGeluTanh});
//   auto hidden = expand(features);   // [..., 512] from [..., 128]
//
// The results on a CPU are LibTorch's, bit for bit; so are those of types and sizes that cuBLASLt
// does not take: it wants fp32, fp16 or bf16, and numbers of features that are multiples of 8. Not
// for the exact GELU, and not for gradients of gradients on a GPU, where LibTorch's layers have
// them.
#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "kernels/linear/activation.h"

namespace accelerate {

using kernels::Activation;

// activation(input · weightᵀ + bias), under autocast in the type of linear. Input [..., in], weight
// [out, in], bias [out] or none. Throws c10::Error when shapes do not fit.
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
