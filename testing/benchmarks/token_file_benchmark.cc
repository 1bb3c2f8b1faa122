// What a batch of 12 sequences of 1,024 tokens at random places of a file costs, as nanoGPT takes
// them. token_file_peer.py compares it with nanoGPT's own loader on the same file.
//
//   bazel run //testing/benchmarks:token_file_benchmark -- --tokens=train.bin
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <iostream>
#include <string>
#include <vector>

#include "accelerate/data/token_file.h"

namespace accelerate {
namespace {

constexpr size_t kBatch = 12;

void RandomBatch(benchmark::State& state, const std::string& file) {
  at::set_num_threads(1);
  TokenFile dataset(file, {.sequence_length = 1024,
                           .random = true,
                           .samples = int64_t{1} << 40,
                           .vocabulary_size = state.range(0)});
  std::vector<size_t> sequences(kBatch);
  size_t next = 0;
  for (auto _ : state) {
    for (size_t& sequence : sequences) sequence = next++;
    const auto batch = dataset.get_batch(sequences);
    benchmark::DoNotOptimize(batch.data.const_data_ptr());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch) * 1024);
}

}  // namespace
}  // namespace accelerate

int main(int argc, char** argv) {
  const std::string flag = "--tokens=";
  if (argc < 2 || !std::string(argv[1]).starts_with(flag)) {
    std::cerr << "give a file of raw uint16 tokens below 50257 first: " << flag << "FILE\n";
    return 2;
  }
  benchmark::RegisterBenchmark("RandomBatch", accelerate::RandomBatch,
                               std::string(argv[1]).substr(flag.size()))
      ->ArgName("vocabulary")
      ->Arg(50257)
      ->Unit(benchmark::kMicrosecond);
  argv[1] = argv[0];
  --argc;
  ++argv;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
