// What the tests of this folder share: a data set, a model, and the Accelerators that run on
// several processes.
//
//   Full accelerator;
//   torch::nn::Sequential net = small_net();
//   auto [model, loader] = accelerator.prepare(net, DataLoader(Line(64, at::kFloat), {}));
//   for (auto& batch : loader) {
//     accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
//   }
//
// Not for GPUs: accelerate/gpu_test.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "testing/errors/warnings.h"

namespace accelerate {

using Full = Accelerator<MultiCpu, Fp32>;
using Half = Accelerator<MultiCpu, Fp16>;
using BFloat = Accelerator<MultiCpu, Bf16>;

// y = 2 x + 3, n samples of it.
class Line : public torch::data::datasets::BatchDataset<Line, torch::data::Example<>> {
 public:
  Line(int64_t size, at::ScalarType type) : x_(torch::linspace(-1, 1, size, type).view({-1, 1})) {}
  torch::data::Example<> get_batch(at::ArrayRef<size_t> indices) override {
    const std::vector<int64_t> rows(indices.begin(), indices.end());
    const at::Tensor x = x_.index_select(0, torch::tensor(rows));
    return {x, 2 * x + 3};
  }
  std::optional<size_t> size() const override { return x_.size(0); }

 private:
  at::Tensor x_;
};

inline torch::nn::Sequential small_net(at::ScalarType type = at::kFloat) {
  torch::nn::Sequential net(torch::nn::Linear(1, 8), torch::nn::Tanh(), torch::nn::Linear(8, 1));
  net->to(type);
  return net;
}

// Makes the other module's parameters those of the first.
inline void copy_parameters(const torch::nn::Module& from, const torch::nn::Module& to) {
  torch::NoGradGuard no_grad;
  const auto sources = from.parameters();
  auto targets = to.parameters();
  for (size_t i = 0; i < sources.size(); ++i) targets[i].copy_(sources[i]);
}

inline double largest_difference(const torch::nn::Module& a, const torch::nn::Module& b) {
  double largest = 0;
  const auto of_a = a.parameters(), of_b = b.parameters();
  for (size_t i = 0; i < of_a.size(); ++i) {
    const at::Tensor difference = (of_a[i].detach() - of_b[i].detach()).abs().max();
    // Written like this so that a NaN counts as the largest.
    if (!(difference.item<double>() <= largest)) largest = difference.item<double>();
  }
  return largest;
}

}  // namespace accelerate
