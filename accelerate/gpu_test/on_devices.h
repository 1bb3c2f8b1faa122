// Fixtures for the tests of GPU strategies: one suite that runs on the CPU and on a GPU, so that
// its tests are also checked on a machine without a GPU, and one that needs a GPU.
//
//   TYPED_TEST_SUITE(OnDevices, Strategies);
//   TYPED_TEST(OnDevices, Steps) { Accelerator<TypeParam, Fp16> accelerator; }
//   TEST_F(OnGpu, DoesNotWait) { Accelerator<Gpu, Fp32> accelerator; }
//
// Not for tests that need no GPU: see accelerate/core.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "accelerate/core/accelerator.h"
#include "accelerate/process/cuda.h"

namespace accelerate {

class OnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "no GPU here";
  }
};

template <class Strategy>
class OnDevices : public testing::Test {
 protected:
  void SetUp() override {
    if (Strategy::traits.device == at::kCUDA && cuda::device_count() == 0)
      GTEST_SKIP() << "no GPU here";
  }
};

// Two layers, with the same parameters in every call.
inline torch::nn::Sequential make_net(double dropout = 0) {
  torch::manual_seed(7);
  torch::nn::Sequential net(torch::nn::Linear(16, 64), torch::nn::Tanh());
  if (dropout > 0) net->push_back(torch::nn::Dropout(dropout));
  net->push_back(torch::nn::Linear(64, 4));
  return net;
}

// A batch on the CPU, which depends only on the arguments.
inline at::Tensor make_batch(int number, int64_t rows = 32) {
  return torch::sin(torch::arange(rows * 16, at::kFloat).view({rows, 16}) * (0.1 + 0.01 * number));
}

// Copies of the parameters, on the CPU.
inline std::vector<at::Tensor> values_of(const torch::nn::Module& net) {
  std::vector<at::Tensor> values;
  for (const at::Tensor& parameter : net.parameters())
    values.push_back(parameter.detach().cpu().clone());
  return values;
}

inline void expect_same_bits(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto of_a = values_of(a), of_b = values_of(b);
  for (size_t i = 0; i < of_a.size(); ++i) {
    EXPECT_TRUE(at::equal(of_a[i], of_b[i]))
        << "parameter " << i << ", by " << (of_a[i] - of_b[i]).abs().max();
  }
}

}  // namespace accelerate
