// What a batch of 32 rows of 64 features costs out of each kind of loader, in the thread that
// trains, and how soon an epoch goes on that was broken off after a million samples.
// loader_kinds_peer.py compares it with Python's DataLoader on the same data.
//
//   bazel run //testing/benchmarks:loader_kinds_benchmark
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <optional>
#include <utility>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"

namespace accelerate {
namespace {

constexpr int64_t kBatch = 32, kBatches = 2000, kRows = kBatch * kBatches, kFeatures = 64;

TensorDataset rows() {
  static const TensorDataset dataset(at::randn({kRows, kFeatures}), at::zeros({kRows}, at::kLong));
  return dataset;
}

// The same rows one by one.
class Examples : public torch::data::datasets::Dataset<Examples> {
 public:
  torch::data::Example<> get(size_t index) override {
    const auto row = static_cast<int64_t>(index);
    return {data_[row], target_[row]};
  }
  std::optional<size_t> size() const override { return kRows; }

 private:
  at::Tensor data_ = at::randn({kRows, kFeatures});
  at::Tensor target_ = at::zeros({kRows}, at::kLong);
};

struct ExampleStream {
  std::optional<torch::data::Example<>> next() {
    if (position == kRows) return std::nullopt;
    return examples.get(static_cast<size_t>(position++));
  }
  Examples examples;
  int64_t position = 0;
};

std::vector<std::vector<int64_t>> ragged() {
  std::vector<std::vector<int64_t>> batches;
  for (int64_t begin = 0; begin < kRows; begin += kBatch) {
    batches.emplace_back();
    for (int64_t i = 0; i < kBatch; ++i) batches.back().push_back((begin + 7 * i) % kRows);
  }
  return batches;
}

template <class Loader>
void take_batches(benchmark::State& state, Loader loader) {
  at::set_num_threads(1);
  auto batch = loader.begin();
  int64_t left = kBatches - 1;
  for (auto _ : state) {
    if (left-- == 0) {
      batch = loader.begin();
      left = kBatches - 1;
    } else {
      ++batch;
    }
    benchmark::DoNotOptimize(batch->data.const_data_ptr());
  }
}

void Tensors(benchmark::State& state) {
  take_batches(state, DataLoader(rows(), {.batch_size = kBatch, .shuffle = true}));
}
void OneByOne(benchmark::State& state) {
  take_batches(state, DataLoader(Examples(), {.batch_size = kBatch, .shuffle = true}));
}
void Batches(benchmark::State& state) {
  take_batches(state, DataLoader(rows(), {.batch_sampler = ragged()}));
}
void Streamed(benchmark::State& state) {
  take_batches(state, DataLoader(ExampleStream(), {.batch_size = kBatch}));
}

// To the first batch of an epoch that goes on after a million samples.
void Resume(benchmark::State& state) {
  at::set_num_threads(1);
  struct Numbers : torch::data::datasets::Dataset<Numbers> {
    torch::data::Example<> get(size_t) override { return {row, row}; }
    std::optional<size_t> size() const override { return 1'100'000; }
    at::Tensor row = at::zeros({kFeatures});
  };
  DataLoader loader(Numbers(), {.batch_size = kBatch, .shuffle = true});
  loader.skip(1'000'000 / kBatch);
  const State position = loader.state();
  for (auto _ : state) {
    loader.load_state(position);
    auto batch = loader.begin();
    benchmark::DoNotOptimize(batch->data.const_data_ptr());
  }
}

BENCHMARK(Tensors)->Unit(benchmark::kMicrosecond);
BENCHMARK(OneByOne)->Unit(benchmark::kMicrosecond);
BENCHMARK(Batches)->Unit(benchmark::kMicrosecond);
BENCHMARK(Streamed)->Unit(benchmark::kMicrosecond);
BENCHMARK(Resume)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace accelerate

BENCHMARK_MAIN();
