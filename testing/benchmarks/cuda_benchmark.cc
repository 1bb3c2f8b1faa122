// How fast the kernels are on the current GPU: `bytes_moved` a launch, and `of_bandwidth`, the
// share of what its memory can move.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "benchmark/benchmark.h"
#include "kernels/cuda_test/device_clock.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/optimizer/rules/adagrad.h"
#include "kernels/optimizer/rules/adam.h"
#include "kernels/optimizer/rules/lion.h"
#include "kernels/optimizer/rules/rmsprop.h"
#include "kernels/optimizer/rules/sgd.h"
#include "kernels/pack/pack_cuda.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {
namespace {

// What a transformer's parameters may look like: pieces of 1 Mi elements.
constexpr int64_t kPieceElements = 1 << 20;

double peak_bytes_per_second() {
  int device = 0, kilohertz = 0, bits = 0;
  check(cudaGetDevice(&device));
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, device));
  check(cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, device));
  // At both edges of the clock.
  return 2.0 * kilohertz * 1000 * bits / 8;
}

void measure(benchmark::State& state, int64_t bytes, auto launch) {
  DeviceClock clock;
  for (auto _ : state) state.SetIterationTime(clock.seconds_of([&] { check(launch()); }));
  const double moved = static_cast<double>(state.iterations()) * bytes;
  state.counters["bytes_moved"] = bytes;
  state.counters["of_bandwidth"] =
      benchmark::Counter(moved / peak_bytes_per_second(), benchmark::Counter::kIsRate);
}

// Arrays of state.range(0) pieces, all zeros, which live as long as this.
class Arrays {
 public:
  explicit Arrays(const benchmark::State& state) : pieces_(state.range(0)) {}

  int64_t pieces() const { return pieces_; }
  int64_t elements() const { return pieces_ * kPieceElements; }

  std::byte* make(ElementType type) {
    const int64_t bytes = elements() * size_of(type);
    memory_.push_back(device_memory<std::byte>(bytes));
    check(cudaMemset(memory_.back().get(), 0, bytes));
    return memory_.back().get();
  }

 private:
  int64_t pieces_;
  std::vector<std::unique_ptr<std::byte[], CudaFree>> memory_;
};

std::byte* piece_of(std::byte* array, ElementType type, int64_t piece) {
  return array + piece * kPieceElements * size_of(type);
}

float* floats_of(std::byte* array, int64_t piece) {
  return reinterpret_cast<float*>(piece_of(array, ElementType::kFloat, piece));
}

void pack_arrays(benchmark::State& state, ElementType from, ElementType to, double factor) {
  Arrays arrays(state);
  std::byte *source = arrays.make(from), *destination = arrays.make(to);
  std::vector<PackPiece> pieces;
  for (int64_t i = 0; i < arrays.pieces(); ++i) {
    pieces.push_back(
        {piece_of(source, from, i), from, piece_of(destination, to, i), kPieceElements, factor});
  }
  measure(state, arrays.elements() * (size_of(from) + size_of(to)),
          [&] { return pack_cuda(pieces, to, nullptr); });
}

void norm_of_arrays(benchmark::State& state, ElementType type) {
  Arrays arrays(state);
  std::byte* data = arrays.make(type);
  std::vector<NormPiece> pieces;
  for (int64_t i = 0; i < arrays.pieces(); ++i) {
    pieces.push_back({piece_of(data, type, i), type, kPieceElements});
  }
  const auto scratch = device_memory<std::byte>(norm_scratch_bytes(pieces));
  const auto result = device_memory<NormResult>(1);
  measure(state, arrays.elements() * size_of(type),
          [&] { return norm_cuda(pieces, scratch.get(), result.get(), nullptr); });
}

// The first `states` arrays of the optimizer's state are there.
template <class Rule>
void step_of(benchmark::State& state, const typename Rule::Options& options, int states,
             ElementType gradient_type) {
  Arrays arrays(state);
  std::byte *parameter = arrays.make(ElementType::kFloat), *gradient = arrays.make(gradient_type);
  std::vector<std::byte*> of_state;
  for (int i = 0; i < states; ++i) of_state.push_back(arrays.make(ElementType::kFloat));
  std::vector<OptimizerPiece<Rule>> pieces;
  for (int64_t i = 0; i < arrays.pieces(); ++i) {
    pieces.push_back({.parameter = floats_of(parameter, i),
                      .gradient = piece_of(gradient, gradient_type, i),
                      .gradient_type = gradient_type,
                      .count = kPieceElements});
    for (int j = 0; j < states; ++j) pieces.back().state[j] = floats_of(of_state[j], i);
  }
  // Options of one group, the same slot for every piece, and a step without an overflow.
  const OptimizerSlot<Rule> first;
  const Step plain;
  const auto group = device_copy<typename Rule::Options>({&options, 1});
  const auto slot = device_copy<OptimizerSlot<Rule>>({&first, 1});
  const auto step = device_copy<Step>({&plain, 1});
  // Read and written: all but the gradient.
  const int64_t bytes = 2 * (1 + states) * sizeof(float) + size_of(gradient_type);
  measure(state, arrays.elements() * bytes, [&] {
    return optimizer_cuda<Rule>(pieces, group.get(), slot.get(), step.get(), nullptr);
  });
}

void adam_step(benchmark::State& state, ElementType gradient_type, bool amsgrad) {
  step_of<Adam>(state, {.weight_decay = 0.01, .decoupled_weight_decay = true}, amsgrad ? 3 : 2,
                gradient_type);
}

void sgd_step(benchmark::State& state, ElementType gradient_type) {
  step_of<Sgd>(state, {.momentum = 0.9}, 1, gradient_type);
}

void rmsprop_step(benchmark::State& state, ElementType gradient_type) {
  step_of<RmsProp>(state, {.momentum = 0.9}, 3, gradient_type);
}

void adagrad_step(benchmark::State& state, ElementType gradient_type) {
  step_of<Adagrad>(state, {}, 1, gradient_type);
}

void lion_step(benchmark::State& state, ElementType gradient_type) {
  step_of<Lion>(state, {.weight_decay = 0.1}, 1, gradient_type);
}

// One bucket, and a model of 256 Mi parameters.
void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(8)->Arg(256)->UseManualTime();
}

using enum ElementType;
BENCHMARK_CAPTURE(pack_arrays, copy, kFloat, kFloat, 1)->Apply(sizes);
BENCHMARK_CAPTURE(pack_arrays, float_to_float, kFloat, kFloat, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_arrays, float_to_half, kFloat, kHalf, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_arrays, half_to_float, kHalf, kFloat, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_arrays, float_to_bfloat16, kFloat, kBFloat16, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(pack_arrays, bfloat16_to_float, kBFloat16, kFloat, 0.5)->Apply(sizes);
BENCHMARK_CAPTURE(norm_of_arrays, float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(norm_of_arrays, half, kHalf)->Apply(sizes);
BENCHMARK_CAPTURE(norm_of_arrays, bfloat16, kBFloat16)->Apply(sizes);
BENCHMARK_CAPTURE(adam_step, adamw_float, kFloat, false)->Apply(sizes);
BENCHMARK_CAPTURE(adam_step, adamw_bfloat16, kBFloat16, false)->Apply(sizes);
BENCHMARK_CAPTURE(adam_step, amsgrad_float, kFloat, true)->Apply(sizes);
BENCHMARK_CAPTURE(sgd_step, momentum_float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(sgd_step, momentum_bfloat16, kBFloat16)->Apply(sizes);
BENCHMARK_CAPTURE(rmsprop_step, centered_float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(adagrad_step, float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(lion_step, float, kFloat)->Apply(sizes);
BENCHMARK_CAPTURE(lion_step, bfloat16, kBFloat16)->Apply(sizes);

}  // namespace
}  // namespace accelerate::kernels
