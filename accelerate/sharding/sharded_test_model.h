// Part of the tests of sharded training; not for others.
//
// A model, its optimizer, and how two trainings are compared.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <utility>
#include <vector>

namespace accelerate {

// Parameters of many sizes: a scalar, one without elements, and two that are larger than any part.
struct MixedImpl : torch::nn::Module {
  MixedImpl() {
    first = register_module("first", torch::nn::Linear(6, 37));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({37})));
    last = register_module("last", torch::nn::Linear(37, 3));
    scale = register_parameter("scale", torch::ones({}));
    nothing = register_parameter("nothing", torch::ones({0, 4}));
  }
  at::Tensor forward(const at::Tensor& x) {
    return last(torch::tanh(norm(first(x)))) * scale + nothing.sum();
  }
  torch::nn::Linear first{nullptr}, last{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  at::Tensor scale, nothing;
};
TORCH_MODULE(Mixed);

// Copies of a model's parameters.
inline std::vector<at::Tensor> values_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> values;
  for (const at::Tensor& each : module.parameters()) values.push_back(each.detach().clone());
  return values;
}

inline std::unique_ptr<torch::optim::Optimizer> make_adamw(std::vector<at::Tensor> parameters) {
  return std::make_unique<torch::optim::AdamW>(std::move(parameters),
                                               torch::optim::AdamWOptions(0.01).weight_decay(0.1));
}

inline void expect_equal(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_TRUE(one[i].equal(other[i])) << i << ": " << one[i] << " beside " << other[i];
}

inline void expect_near(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_TRUE(torch::allclose(one[i], other[i], 1e-5, 1e-6)) << i;
}

}  // namespace accelerate
