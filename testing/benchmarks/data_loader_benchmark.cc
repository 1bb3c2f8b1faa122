// What a batch costs the thread that trains, in its own processor time: 32 rows of 64 features and
// their labels, out of a TensorDataset. With workers, which are ahead as the thread does other
// things in between, only the handing over is counted. A reading of the clock is in each time.
//
//   bazel run //accelerate/data:data_loader_benchmark
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"

namespace accelerate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kBatch = 32, kBatches = 2000;
// What a step of a small model takes.
constexpr auto kStep = std::chrono::microseconds(200);

double seconds_of_this_thread() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void work_until(Clock::time_point end) {
  while (Clock::now() < end) benchmark::ClobberMemory();
}

// Arguments: whether the data are shuffled; how many workers there are.
void NextBatch(benchmark::State& state) {
  at::set_num_threads(1);
  const int64_t rows = kBatch * kBatches;
  DataLoader loader(TensorDataset(at::randn({rows, 64}), at::zeros({rows}, at::kLong)),
                    {.batch_size = kBatch,
                     .shuffle = state.range(0) != 0,
                     .num_workers = static_cast<int>(state.range(1))});
  std::vector<double> seconds;
  auto batch = loader.begin();
  int64_t left = kBatches - 1;
  for (auto _ : state) {
    if (left-- == 0) {
      batch = loader.begin();
      left = kBatches - 1;
    }
    if (state.range(1) > 0) work_until(Clock::now() + kStep);
    const double begin = seconds_of_this_thread();
    ++batch;
    seconds.push_back(seconds_of_this_thread() - begin);
    state.SetIterationTime(seconds.back());
  }
  std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
  state.counters["median"] = seconds[seconds.size() / 2];
}

BENCHMARK(NextBatch)
    ->ArgNames({"shuffled", "workers"})
    ->ArgsProduct({{0, 1}, {0, 1, 2}})
    ->Iterations(6000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace accelerate

BENCHMARK_MAIN();
