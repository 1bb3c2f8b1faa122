// A linear layer with its activation on a GPU, at the sizes of GPT-2's: fused here; by
// at::_addmm_activation, which is LibTorch's fused form and has no backward pass; and by
// at::linear and the activation. `flops` are those of the products.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "accelerate/nn/fused_linear.h"
#include "kernels/cuda_test/device_clock.h"

namespace accelerate {
namespace {

// Batches of 8 times 1024 tokens.
constexpr int64_t kRows = 8192;
// Launched at a time, so that the host is ahead of the device.
constexpr int kLaunches = 20;

struct Layer {
  Layer(int64_t in, int64_t out, at::ScalarType type, bool backward) {
    torch::manual_seed(0);
    const auto options = torch::dtype(type).device(at::kCUDA).requires_grad(backward);
    input = torch::randn({kRows, in}, options);
    weight = torch::randn({out, in}, options);
    bias = torch::randn({out}, options);
    gradient = torch::randn({kRows, out}, options.requires_grad(false));
  }

  torch::Tensor input, weight, bias, gradient;
};

using Forward = torch::Tensor (*)(const Layer&, Activation);

torch::Tensor fused(const Layer& layer, Activation activation) {
  return fused_linear(layer.input, layer.weight, layer.bias, activation);
}

torch::Tensor addmm_activation(const Layer& layer, Activation activation) {
  return at::_addmm_activation(layer.bias, layer.input, layer.weight.t(), /*beta=*/1, /*alpha=*/1,
                               /*use_gelu=*/activation == Activation::kGeluTanh);
}

torch::Tensor linear_then_activation(const Layer& layer, Activation activation) {
  const torch::Tensor sums = at::linear(layer.input, layer.weight, layer.bias);
  return activation == Activation::kGeluTanh ? at::gelu(sums, "tanh") : at::relu(sums);
}

void run(benchmark::State& state, Forward forward, Activation activation, at::ScalarType type,
         int64_t in, int64_t out, bool backward) {
  const Layer layer(in, out, type, backward);
  const torch::AutoGradMode mode(backward);
  const auto pass = [&] {
    const torch::Tensor output = forward(layer, activation);
    if (backward)
      torch::autograd::grad({output}, {layer.input, layer.weight, layer.bias}, {layer.gradient});
  };
  // cuBLAS chooses its kernels, and memory is allocated.
  for (int i = 0; i < 3; ++i) pass();

  kernels::DeviceClock clock;
  for (auto _ : state) {
    const double seconds = clock.seconds_of([&] {
      for (int i = 0; i < kLaunches; ++i) pass();
    });
    state.SetIterationTime(seconds / kLaunches);
  }
  const double flops = 2.0 * kRows * in * out * (backward ? 3 : 1);
  state.counters["flops"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

const char* name_of(at::ScalarType type) {
  return type == at::kFloat ? "fp32" : type == at::kHalf ? "fp16" : "bf16";
}

const char* name_of(Activation activation) {
  return activation == Activation::kGeluTanh ? "gelu_tanh" : "relu";
}

struct Form {
  std::string name;
  Forward forward;
  bool has_backward;
};

// Beside each other what is to be compared.
int register_all() {
  const std::vector<Form> forms{{"fused", fused, true},
                                {"addmm_activation", addmm_activation, false},
                                {"linear_then_activation", linear_then_activation, true}};
  // Of GPT-2 with 124 M and with 1.5 G parameters.
  for (const int64_t width : {768, 1600}) {
    for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
      for (const Activation activation : {Activation::kGeluTanh, Activation::kRelu}) {
        for (const bool backward : {false, true}) {
          for (const Form& form : forms) {
            if (backward && !form.has_backward) continue;
            const std::string name = std::string(backward ? "forward_backward/" : "forward/") +
                                     std::to_string(width) + "/" + name_of(type) + "/" +
                                     name_of(activation) + "/" + form.name;
            benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
              run(state, form.forward, activation, type, width, 4 * width, backward);
            })->UseManualTime();
          }
        }
      }
    }
  }
  return 0;
}

const int registered = register_all();

}  // namespace
}  // namespace accelerate
