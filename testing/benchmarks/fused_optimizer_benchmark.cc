// An AdamW step in its three forms: fused here, at::_fused_adamw_ on the list of tensors, and
// torch::optim::AdamW. One thread.
//
//   bazel run //testing/benchmarks:fused_optimizer_benchmark
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "accelerate/optim/fused_optimizer.h"

namespace accelerate {
namespace {

// Parameters with gradients, as a model of so many tensors of so many elements has them.
std::vector<at::Tensor> make_parameters(const benchmark::State& state) {
  at::set_num_threads(1);
  std::vector<at::Tensor> parameters;
  for (int64_t i = 0; i < state.range(0); ++i) {
    parameters.push_back(torch::randn({state.range(1)}).set_requires_grad(true));
    parameters.back().mutable_grad() = torch::randn({state.range(1)});
  }
  return parameters;
}

void report(benchmark::State& state) {
  // Parameter and moments are read and written, the gradient is read.
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1) * 7 * 4);
}

constexpr kernels::Step kPlain;

void Fused(benchmark::State& state) {
  torch::optim::AdamW adamw(make_parameters(state), torch::optim::AdamWOptions(1e-3));
  const auto fused = FusedOptimizer::make(adamw);
  fused->step(&kPlain);  // Makes the state.
  for (auto _ : state) fused->step(&kPlain);
  report(state);
}

void FusedAdamwOnList(benchmark::State& state) {
  std::vector<at::Tensor> parameters = make_parameters(state), gradients, first, second, steps;
  torch::NoGradGuard no_grad;
  for (const at::Tensor& each : parameters) {
    gradients.push_back(each.grad());
    first.push_back(torch::zeros_like(each));
    second.push_back(torch::zeros_like(each));
    steps.push_back(torch::zeros({}));
  }
  for (auto _ : state) {
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, 1e-3, 0.9, 0.999, 1e-2, 1e-8,
                      false, false);
  }
  report(state);
}

void LibTorch(benchmark::State& state) {
  torch::optim::AdamW adamw(make_parameters(state), torch::optim::AdamWOptions(1e-3));
  adamw.step();
  for (auto _ : state) adamw.step();
  report(state);
}

// A few large tensors; many small ones; the four of a small MLP.
void sizes(benchmark::internal::Benchmark* each) {
  each->Args({4, 4 << 20})->Args({400, 1000})->Args({4, 4000})->UseRealTime();
}
BENCHMARK(Fused)->Apply(sizes);
BENCHMARK(FusedAdamwOnList)->Apply(sizes);
BENCHMARK(LibTorch)->Apply(sizes);

}  // namespace
}  // namespace accelerate

BENCHMARK_MAIN();
