// For tests of captured steps: runs a program once as it is and once with captured steps, and
// compares what it saw.
//
//   const std::string outcome = expect_same([](Trained& trained, auto& capture) {
//     auto step = capture([&](const at::Tensor& x) {
//       return trained.descend(trained.model(x).sum());
//     });
//     for (int call = 0; call < 6; ++call) trained.see(step(trained.draw(call, {5, 4})));
//   });
//   EXPECT_EQ(outcome, "captured");
//
// Not for GPUs: accelerate/gpu_test.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accelerate/capture/captured_step.h"
#include "accelerate/core/test_helpers.h"
#include "gtest/gtest.h"

namespace accelerate {

struct Mlp : torch::nn::Module {
  explicit Mlp(int64_t in = 4, int64_t out = 3) {
    first = register_module("first", torch::nn::Linear(in, 8));
    second = register_module("second", torch::nn::Linear(8, out));
  }
  at::Tensor forward(const at::Tensor& x) { return second(torch::tanh(first(x))); }
  torch::nn::Linear first = nullptr, second = nullptr;
};

// What a program has prepared, and what it has seen.
struct Trained {
  explicit Trained(int64_t in = 4, int64_t out = 3, const AcceleratorOptions& options = {})
      : accelerator(options), net(std::make_shared<Mlp>(in, out)), sgd(net->parameters(), 0.1) {}

  // A step that makes this loss smaller.
  at::Tensor descend(const at::Tensor& loss) {
    optimizer.zero_grad();
    accelerator.backward(loss);
    optimizer.step();
    return loss.detach();
  }
  void see(const at::Tensor& tensor) { seen.push_back(tensor.detach().clone()); }
  // Random numbers that depend on this rank and the call.
  at::Tensor draw(int call, at::IntArrayRef sizes) const {
    torch::manual_seed(1000 * accelerator.process_index() + call);
    return torch::randn(sizes);
  }

  at::Tensor draw_complex(int call) const { return torch::view_as_complex(draw(call, {5, 4, 2})); }

  Full accelerator;
  std::shared_ptr<Mlp> net;
  torch::optim::SGD sgd;
  PreparedModel<Mlp> model = accelerator.prepare(net);
  PreparedOptimizer optimizer = accelerator.prepare(sgd);
  std::vector<at::Tensor> seen;
};

struct AsItIs {
  template <class Step>
  Step operator()(Step step, const CaptureOptions& = {}) const {
    return step;
  }
};

struct Captured {
  Full& accelerator;
  std::function<std::optional<std::string>()> refusal = nullptr;

  template <class Step>
  auto operator()(Step step, const CaptureOptions& options = {}) {
    auto captured = accelerator.capture(std::move(step), options);
    refusal = [captured] { return captured.refusal(); };
    return captured;
  }
};

// Runs `program(trained, capture)` twice: first capture(step) returns the step itself, then the
// captured step. Returns why the step was not captured in the end, or "captured".
template <class Program>
std::string expect_same(const Program& program) {
  torch::manual_seed(7);
  Trained plain;
  AsItIs as_it_is;
  program(plain, as_it_is);
  torch::manual_seed(7);
  Trained taped;
  Captured captured{taped.accelerator};
  program(taped, captured);
  EXPECT_EQ(plain.seen.size(), taped.seen.size());
  for (size_t i = 0; i < plain.seen.size(); ++i) {
    const bool same = plain.seen[i].equal(taped.seen[i]);
    EXPECT_TRUE(same) << "value " << i << ": " << taped.seen[i] << " for " << plain.seen[i];
    if (!same) break;
  }
  return captured.refusal().value_or("captured");
}

}  // namespace accelerate
