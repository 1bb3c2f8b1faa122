#include <cstddef>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/pack/pack.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {
namespace {

void pack_array(benchmark::State& state, ElementType from, ElementType to, double factor) {
  const int64_t count = state.range(0);
  const std::vector<std::byte> source(count * size_of(from));
  std::vector<std::byte> destination(count * size_of(to));
  const PackPiece piece = {.source = source.data(),
                           .source_type = from,
                           .destination = destination.data(),
                           .count = count,
                           .factor = factor};
  for (auto _ : state) {
    pack(piece, to);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * count * (size_of(from) + size_of(to)));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t count : {1 << 10, 1 << 16, 1 << 20, 1 << 24}) benchmark->Arg(count);
}

using enum ElementType;
BENCHMARK_CAPTURE(pack_array, memcpy, kFloat, kFloat, 1)->Apply(sizes);
BENCHMARK_CAPTURE(pack_array, float_to_float, kFloat, kFloat, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_array, float_to_half, kFloat, kHalf, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_array, half_to_float, kHalf, kFloat, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_array, float_to_bfloat16, kFloat, kBFloat16, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_array, bfloat16_to_float, kBFloat16, kFloat, 0.5)->Apply(sizes);

}  // namespace
}  // namespace accelerate::kernels
