#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rules/adam.h"

namespace accelerate::kernels {
namespace {

template <class T>
void adam_step(benchmark::State& state, bool amsgrad) {
  const int64_t count = state.range(0);
  const std::vector<T> gradient(count, T{0.1});
  std::vector<T> parameter(count, T{1}), exp_avg(count), exp_avg_sq(count), max_exp_avg_sq(count);
  const OptimizerArrays<Adam, T> arrays = {
      .parameter = parameter.data(),
      .gradient = gradient.data(),
      .state = {exp_avg.data(), exp_avg_sq.data(), amsgrad ? max_exp_avg_sq.data() : nullptr},
      .count = count};
  int64_t step = 0;
  for (auto _ : state) {
    optimizer_step({.weight_decay = 0.01, .decoupled_weight_decay = true}, ++step, 1, arrays);
    benchmark::ClobberMemory();
  }
  // Read and written: all but the gradient.
  const int64_t passes = amsgrad ? 9 : 7;
  state.SetBytesProcessed(state.iterations() * count * passes * sizeof(T));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t count : {16, 1 << 10, 1 << 16, 1 << 20, 1 << 24}) benchmark->Arg(count);
}

const auto adam_of_float = adam_step<float>;
const auto adam_of_double = adam_step<double>;

BENCHMARK_CAPTURE(adam_of_float, adamw, false)->Apply(sizes);
BENCHMARK_CAPTURE(adam_of_float, amsgrad, true)->Apply(sizes);
BENCHMARK_CAPTURE(adam_of_double, adamw, false)->Apply(sizes);

}  // namespace
}  // namespace accelerate::kernels
