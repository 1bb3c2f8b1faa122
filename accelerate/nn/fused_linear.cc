#include "accelerate/nn/fused_linear.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <torch/nn/functional/linear.h>
#include <torch/nn/modules/linear.h>

#include "accelerate/nn/gpu_linear.h"

namespace accelerate {
namespace {

void check_shapes(const torch::Tensor& input, const torch::Tensor& weight,
                  const torch::Tensor& bias) {
  TORCH_CHECK(weight.dim() == 2, "a fused linear layer got a weight of shape ", weight.sizes(),
              "; it must be [out, in]");
  TORCH_CHECK(input.dim() > 0 && input.size(-1) == weight.size(1),
              "a fused linear layer got an input of shape ", input.sizes(),
              " for a weight of shape ", weight.sizes(), "; both must end in the same size");
  TORCH_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)),
              "a fused linear layer got a bias of shape ", bias.sizes(), " for a weight of shape ",
              weight.sizes(), "; it must have an element for each of the weight's rows");
}

torch::Tensor activate(const torch::Tensor& sums, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return sums;
    case Activation::kRelu:
      return at::relu(sums);
    case Activation::kGeluTanh:
      return at::gelu(sums, "tanh");
  }
  TORCH_CHECK(false, "a fused linear layer got an activation of ", static_cast<int>(activation),
              "; use one of Activation's values");
}

}  // namespace

torch::Tensor fused_linear(const torch::Tensor& input, const torch::Tensor& weight,
                           const torch::Tensor& bias, Activation activation) {
  check_shapes(input, weight, bias);
  if (const auto output = internal::gpu_linear(input, weight, bias, activation)) return *output;
  return activate(torch::nn::functional::linear(input, weight, bias), activation);
}

FusedLinearImpl::FusedLinearImpl(const FusedLinearOptions& options) : options(options) {
  TORCH_CHECK(options.in_features > 0 && options.out_features > 0, "a fused linear layer of ",
              options.in_features, " inputs and ", options.out_features,
              " outputs cannot be built; each must be at least 1");
  FusedLinearImpl::reset();
}

void FusedLinearImpl::reset() {
  const torch::nn::Linear drawn(
      torch::nn::LinearOptions(options.in_features, options.out_features).bias(options.bias));
  weight = register_parameter("weight", drawn->weight);
  bias = register_parameter("bias", drawn->bias, /*requires_grad=*/options.bias);
}

torch::Tensor FusedLinearImpl::forward(const torch::Tensor& input) {
  return fused_linear(input, weight, bias, options.activation);
}

}  // namespace accelerate
