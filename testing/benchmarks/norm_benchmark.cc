#include <cstddef>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/norm/norm.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {
namespace {

template <auto kNorm>
void norm_of_array(benchmark::State& state, ElementType type) {
  const int64_t bytes = state.range(0) * size_of(type);
  const std::vector<std::byte> data(bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kNorm(data.data(), type, state.range(0), best_simd_level()));
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t count : {1 << 10, 1 << 16, 1 << 20, 1 << 24}) benchmark->Arg(count);
}

const auto squared_norm_of_array = norm_of_array<squared_norm>;
const auto max_abs_of_array = norm_of_array<max_abs>;

using enum ElementType;
BENCHMARK_CAPTURE(squared_norm_of_array, float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(squared_norm_of_array, half, kHalf)->Apply(sizes);
BENCHMARK_CAPTURE(squared_norm_of_array, bfloat16, kBFloat16)->Apply(sizes);
BENCHMARK_CAPTURE(squared_norm_of_array, double, kDouble)->Apply(sizes);
BENCHMARK_CAPTURE(max_abs_of_array, float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(max_abs_of_array, bfloat16, kBFloat16)->Apply(sizes);

}  // namespace
}  // namespace accelerate::kernels
