// On the CPU, where a fused layer is to give what torch::nn::Linear and a call of its activation
// do, to the bit.
#include "accelerate/nn/fused_linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "accelerate/precision/autocast.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

constexpr FusedLinearOptions kOptions = {
    .in_features = 5, .out_features = 7, .activation = Activation::kGeluTanh};

torch::Tensor activated(const torch::Tensor& sums, Activation activation) {
  if (activation == Activation::kRelu) return torch::relu(sums);
  return activation == Activation::kGeluTanh ? torch::gelu(sums, "tanh") : sums;
}

struct Twins {
  explicit Twins(const FusedLinearOptions& options) {
    torch::manual_seed(1);
    plain = torch::nn::Linear(
        torch::nn::LinearOptions(options.in_features, options.out_features).bias(options.bias));
    torch::manual_seed(1);
    fused = FusedLinear(options);
  }

  torch::nn::Linear plain{nullptr};
  FusedLinear fused{nullptr};
};

void expect_same(const torch::Tensor& tensor, const torch::Tensor& other) {
  ASSERT_EQ(tensor.defined(), other.defined());
  if (!tensor.defined()) return;
  EXPECT_EQ(tensor.scalar_type(), other.scalar_type());
  EXPECT_TRUE(torch::equal(tensor, other)) << tensor << other;
}

// Output, gradient of the input and gradients of the parameters, for a weighted sum of outputs.
std::vector<torch::Tensor> pass(torch::nn::Module& module, torch::Tensor input,
                                std::optional<at::ScalarType> autocast_type,
                                const std::function<torch::Tensor(const torch::Tensor&)>& forward) {
  input = input.clone().requires_grad_();
  torch::Tensor output;
  {
    std::optional<Autocast> autocast;
    if (autocast_type) autocast.emplace(at::kCPU, *autocast_type);
    output = forward(input);
  }
  (output.to(at::kFloat) * torch::arange(output.numel()).view(output.sizes())).sum().backward();
  std::vector<torch::Tensor> all{output, input.grad()};
  for (const auto& parameter : module.parameters()) all.push_back(parameter.grad());
  return all;
}

TEST(FusedLinear, HasTheParametersOfLinearFromTheSameDraws) {
  for (const bool bias : {true, false}) {
    FusedLinearOptions options = kOptions;
    options.bias = bias;
    torch::manual_seed(1);
    const torch::nn::Linear plain(
        torch::nn::LinearOptions(options.in_features, options.out_features).bias(bias));
    const torch::Tensor plain_next = torch::rand(1);
    torch::manual_seed(1);
    const FusedLinear fused(options);
    expect_same(torch::rand(1), plain_next);

    const auto parameters = fused->named_parameters(), expected = plain->named_parameters();
    ASSERT_EQ(parameters.keys(), expected.keys());
    for (const auto& item : expected) {
      expect_same(parameters[item.key()], item.value());
      EXPECT_TRUE(parameters[item.key()].requires_grad());
    }
    EXPECT_EQ(fused->bias.defined(), bias);
  }
}

TEST(FusedLinear, IsLinearAndItsActivationToTheBit) {
  for (const std::optional<at::ScalarType> type :
       {std::optional<at::ScalarType>(), std::optional(at::kBFloat16), std::optional(at::kHalf)}) {
    for (const Activation activation :
         {Activation::kNone, Activation::kRelu, Activation::kGeluTanh}) {
      for (const bool bias : {true, false}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(activation) << bias
                                        << (type ? c10::toString(*type) : " no autocast"));
        FusedLinearOptions options = kOptions;
        options.bias = bias;
        options.activation = activation;
        Twins twins(options);
        const torch::Tensor input = torch::randn({2, 3, options.in_features});
        const auto plain = pass(*twins.plain, input, type, [&](const torch::Tensor& x) {
          return activated(twins.plain(x), activation);
        });
        const auto fused =
            pass(*twins.fused, input, type, [&](const torch::Tensor& x) { return twins.fused(x); });
        EXPECT_EQ(fused[0].scalar_type(), type.value_or(at::kFloat));
        ASSERT_EQ(fused.size(), plain.size());
        for (size_t i = 0; i < plain.size(); ++i) expect_same(fused[i], plain[i]);
      }
    }
  }
}

TEST(FusedLinear, TakesInputsOfAnyShape) {
  Twins twins(kOptions);
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{5}, {0, 5}, {1, 5}, {2, 1, 3, 5}}) {
    const torch::Tensor input = torch::randn(shape);
    expect_same(twins.fused(input), activated(twins.plain(input), kOptions.activation));
  }
  const torch::Tensor transposed = torch::randn({5, 4}).t();
  expect_same(twins.fused(transposed), activated(twins.plain(transposed), kOptions.activation));
}

TEST(FusedLinear, HasGradientsOfGradients) {
  Twins twins(kOptions);
  const auto twice = [&](const torch::Tensor& weight, const torch::Tensor& output,
                         const torch::Tensor& input) {
    const auto once = torch::autograd::grad({output.sum()}, {input}, {}, /*retain_graph=*/true,
                                            /*create_graph=*/true)[0];
    return torch::autograd::grad({once.square().sum()}, {weight})[0];
  };
  const torch::Tensor input = torch::randn({3, 5}, torch::requires_grad());
  expect_same(
      twice(twins.fused->weight, twins.fused(input), input),
      twice(twins.plain->weight, activated(twins.plain(input), kOptions.activation), input));
}

TEST(FusedLinear, LoadsWhatLinearSaved) {
  torch::nn::Linear plain(5, 7);
  FusedLinear fused(kOptions);
  std::stringstream file;
  torch::save(plain, file);
  torch::load(fused, file);
  expect_same(fused->weight, plain->weight);
  expect_same(fused->bias, plain->bias);
}

TEST(FusedLinear, ClonesWithItsActivation) {
  FusedLinear fused(kOptions);
  const auto clone = std::dynamic_pointer_cast<FusedLinearImpl>(fused->clone());
  ASSERT_NE(clone, nullptr);
  EXPECT_FALSE(clone->weight.is_same(fused->weight));
  const torch::Tensor input = torch::randn({2, 5});
  expect_same(clone->forward(input), fused(input));
}

TEST(FusedLinear, IsAPartOfASequence) {
  torch::nn::Sequential both(FusedLinear(kOptions), torch::nn::Linear(7, 2));
  EXPECT_EQ(both->forward(torch::randn({3, 5})).sizes(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(both->named_parameters().keys(),
            (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias"}));
}

TEST(FusedLinearErrors, AreSentences) {
  FusedLinear fused(kOptions);
  EXPECT_EQ(message_of([&] {
              fused(torch::ones({2, 4}));
            }),
            "a fused linear layer got an input of shape [2, 4] for a weight of shape [7, 5]; both "
            "must end in the same size");
  EXPECT_THAT(message_of([&] { fused(torch::ones({})); }), HasSubstr("an input of shape []"));
  EXPECT_THAT(message_of([&] {
                fused_linear(torch::ones({2, 5}), fused->weight, torch::ones(5), Activation::kNone);
              }),
              HasSubstr("a bias of shape [5] for a weight of shape [7, 5]"));
  EXPECT_THAT(
      message_of([] { fused_linear(torch::ones(5), torch::ones(5), {}, Activation::kNone); }),
      HasSubstr("a weight of shape [5]; it must be [out, in]"));
  EXPECT_EQ(message_of([] { FusedLinear(FusedLinearOptions{.out_features = 3}); }),
            "a fused linear layer of 0 inputs and 3 outputs cannot be built; each must be at least "
            "1");
}

}  // namespace
}  // namespace accelerate
