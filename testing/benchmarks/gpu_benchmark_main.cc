// main() of benchmarks on a GPU.
#include <cstdio>

#include "benchmark/benchmark.h"
#include "kernels/cuda_test/device_memory.h"

int main(int argc, char** argv) {
  if (!accelerate::kernels::has_gpu()) {
    std::fprintf(stderr, "no GPU here: run this benchmark on a machine with one\n");
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
