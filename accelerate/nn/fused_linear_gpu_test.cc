// What a GPU has to show: cuBLASLt's results are those of LibTorch's linear and activation up to
// rounding, the fused pass is in fact the one that ran, and what it cannot do falls back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <tuple>
#include <vector>

#include "accelerate/nn/fused_linear.h"
#include "accelerate/precision/autocast.h"
#include "accelerate/process/cuda.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using testing::Not;

class FusedLinearOnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU here";
    torch::manual_seed(1);
  }
};

const at::TensorOptions kLeaf = at::TensorOptions(at::kCUDA).requires_grad(true);

struct Layer {
  Layer(int64_t in, int64_t out, at::ScalarType type = at::kFloat)
      : weight(torch::randn({out, in}, kLeaf.dtype(type))),
        bias(torch::randn({out}, kLeaf.dtype(type))) {}

  torch::Tensor plain(const torch::Tensor& input, Activation activation) const {
    const auto sums = torch::nn::functional::linear(input, weight, bias);
    if (activation == Activation::kRelu) return torch::relu(sums);
    return activation == Activation::kGeluTanh ? torch::gelu(sums, "tanh") : sums;
  }

  torch::Tensor weight, bias;
};

// The name of what has computed it: the output is a view of what that returned.
std::string function_of(const torch::Tensor& output) {
  return output.grad_fn()->next_edge(0).function->name();
}

// Near to the largest element, as sums of products are.
void expect_near(const torch::Tensor& tensor, const torch::Tensor& other) {
  ASSERT_EQ(tensor.scalar_type(), other.scalar_type());
  ASSERT_EQ(tensor.sizes(), other.sizes());
  const double tolerance = tensor.scalar_type() == at::kFloat  ? 1e-5
                           : tensor.scalar_type() == at::kHalf ? 2e-3
                                                               : 2e-2;
  EXPECT_LT((tensor - other).abs().max().item<double>(),
            tolerance * other.abs().max().item<double>());
}

class FusedLinearOfType
    : public FusedLinearOnGpu,
      public testing::WithParamInterface<std::tuple<at::ScalarType, Activation>> {};

TEST_P(FusedLinearOfType, IsNearLibTorchForwardAndBackward) {
  const auto [type, activation] = GetParam();
  const Layer layer(64, 128, type);
  // 21 rows: nothing that is a multiple of 8.
  const torch::Tensor input = torch::randn({3, 7, 64}, kLeaf.dtype(type));
  const std::vector<torch::Tensor> leaves{input, layer.weight, layer.bias};
  const torch::Tensor plain = layer.plain(input, activation);
  const torch::Tensor fused = fused_linear(input, layer.weight, layer.bias, activation);
  EXPECT_THAT(function_of(fused), HasSubstr("FusedLinear"));
  expect_near(fused, plain);
  const torch::Tensor gradient = torch::randn_like(plain);
  const auto expected = torch::autograd::grad({plain}, leaves, {gradient});
  const auto found = torch::autograd::grad({fused}, leaves, {gradient});
  for (size_t i = 0; i < leaves.size(); ++i) expect_near(found[i], expected[i]);

  torch::NoGradGuard no_grad;
  expect_near(fused_linear(input, layer.weight, layer.bias, activation), plain);
}

INSTANTIATE_TEST_SUITE_P(All, FusedLinearOfType,
                         testing::Combine(testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                                          testing::Values(Activation::kNone, Activation::kRelu,
                                                          Activation::kGeluTanh)));

TEST_F(FusedLinearOnGpu, HasGradientsOfSomeOfItsInputs) {
  const Layer layer(64, 128);
  const torch::Tensor input = torch::randn({16, 64}, kLeaf);
  const auto gradient_of = [&](const torch::Tensor& leaf, const torch::Tensor& output) {
    return torch::autograd::grad({output.sum()}, {leaf})[0];
  };
  for (const torch::Tensor& leaf : {input, layer.weight, layer.bias}) {
    expect_near(gradient_of(leaf, fused_linear(input, layer.weight, layer.bias, Activation::kRelu)),
                gradient_of(leaf, layer.plain(input, Activation::kRelu)));
  }
}

TEST_F(FusedLinearOnGpu, NeedsNoBias) {
  Layer layer(64, 128);
  layer.bias.reset();
  const torch::Tensor input = torch::randn({16, 64}, kLeaf);
  const auto fused = fused_linear(input, layer.weight, {}, Activation::kGeluTanh);
  EXPECT_THAT(function_of(fused), HasSubstr("FusedLinear"));
  expect_near(fused, layer.plain(input, Activation::kGeluTanh));
  fused.sum().backward();
  EXPECT_TRUE(layer.weight.grad().defined());
}

TEST_F(FusedLinearOnGpu, IsCastByAutocastAsLinearIs) {
  const Layer layer(64, 128);
  const torch::Tensor input = torch::randn({16, 64}, kLeaf);
  torch::Tensor plain, fused;
  {
    const Autocast autocast(at::kCUDA, at::kBFloat16);
    plain = layer.plain(input, Activation::kGeluTanh);
    fused = fused_linear(input, layer.weight, layer.bias, Activation::kGeluTanh);
  }
  EXPECT_THAT(function_of(fused), HasSubstr("FusedLinear"));
  EXPECT_EQ(fused.scalar_type(), at::kBFloat16);
  expect_near(fused, plain);
  fused.sum().backward();
  EXPECT_EQ(layer.weight.grad().scalar_type(), at::kFloat);
}

TEST_F(FusedLinearOnGpu, LeavesToLibTorchWhatCublasLtDoesNotTake) {
  const Layer odd(5, 7), doubles(8, 8, at::kDouble), good(8, 8);
  const auto expect_plain = [](const Layer& layer, const torch::Tensor& input) {
    const auto output = fused_linear(input, layer.weight, layer.bias, Activation::kRelu);
    EXPECT_THAT(function_of(output), Not(HasSubstr("FusedLinear")));
    EXPECT_TRUE(torch::equal(output, layer.plain(input, Activation::kRelu)));
  };
  expect_plain(odd, torch::randn({2, 5}, kLeaf));
  expect_plain(doubles, torch::randn({2, 8}, kLeaf.dtype(at::kDouble)));
  expect_plain(good, torch::randn({0, 8}, kLeaf));
}

TEST_F(FusedLinearOnGpu, TakesInputsThatBeginAnywhere) {
  const Layer layer(8, 8);
  const torch::Tensor input = torch::randn({17}, at::kCUDA).narrow(0, 1, 16).view({2, 8});
  const auto fused = fused_linear(input, layer.weight, layer.bias, Activation::kRelu);
  EXPECT_THAT(function_of(fused), HasSubstr("FusedLinear"));
  expect_near(fused, layer.plain(input, Activation::kRelu));
}

TEST_F(FusedLinearOnGpu, SaysThatItHasNoGradientsOfGradients) {
  const Layer layer(8, 8);
  const auto output =
      fused_linear(torch::randn({2, 8}, kLeaf), layer.weight, layer.bias, Activation::kGeluTanh);
  try {
    torch::autograd::grad({output.sum()}, {layer.weight}, {}, /*retain_graph=*/true,
                          /*create_graph=*/true);
    FAIL() << "no error";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what_without_backtrace(),
                HasSubstr("a separate activation with create_graph"));
  }
}

}  // namespace
}  // namespace accelerate
