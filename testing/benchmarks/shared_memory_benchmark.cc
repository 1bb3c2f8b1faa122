// All-reduces between processes of this host through shared memory and over Gloo, in turn, and how
// many times as long Gloo's take.
//
//   bazel build //testing/benchmarks:shared_memory_benchmark
//   OMP_NUM_THREADS=1 bazel-bin/testing/benchmarks/shared_memory_benchmark --cpu --num_processes=2
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "accelerate/accelerate.h"
#include "accelerate/comm/backend.h"
#include "testing/benchmarks/timing.h"

namespace accelerate {
namespace {

using benchmarks::median;

using Backend = c10::intrusive_ptr<c10d::Backend>;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 7;

Backend make_backend(const std::string& name, bool shared_memory) {
  const auto worker = launcher::read_worker_environment().value().value();
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(worker.main_port);
  options.waitWorkers = false;
  auto store = c10::make_intrusive<c10d::PrefixStore>(
      "benchmark " + name, c10::make_intrusive<c10d::TCPStore>(worker.main_address, options));
  return internal::make_cpu_backend(store, {.rank = worker.rank,
                                            .size = worker.world_size,
                                            .timeout = std::chrono::minutes(5),
                                            .hostname = worker.main_address,
                                            .shared_memory = shared_memory});
}

// Microseconds of one, where so many are timed.
double time_all_reduces(const Backend& backend, at::Tensor& tensor, int count) {
  backend->barrier()->wait();
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < count; ++i) {
    std::vector<at::Tensor> tensors{tensor};
    backend->allreduce(tensors)->wait();
  }
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / count;
}

template <class Accelerator>
void run(Accelerator& accelerator) {
  at::set_num_threads(1);
  TORCH_CHECK(accelerator.num_processes() > 1,
              "one process has nothing to reduce; run it with "
              "--num_processes=2");
  const Backend memory = make_backend("shared memory", true), gloo = make_backend("gloo", false);
  if (accelerator.is_main_process()) {
    std::cout << "medians of " << kRounds << " rounds, " << accelerator.num_processes()
              << " processes\n    floats  shared memory, us    Gloo, us  Gloo / shared memory\n";
  }
  for (const int64_t floats : {int64_t{1}, int64_t{1000}, int64_t{19'210}, int64_t{262'144},
                               int64_t{2'500'000}, int64_t{25'000'000}}) {
    at::Tensor tensor = at::zeros({floats});
    const int count = static_cast<int>(std::clamp<int64_t>(20'000'000 / floats, 2, 1000));
    std::vector<double> of_memory, of_gloo;
    for (int round = 0; round < kRounds; ++round) {
      of_memory.push_back(time_all_reduces(memory, tensor, count));
      of_gloo.push_back(time_all_reduces(gloo, tensor, std::max(2, count / 10)));
    }
    if (!accelerator.is_main_process()) continue;
    std::cout << std::fixed << std::setprecision(1) << std::setw(10) << floats << std::setw(19)
              << median(of_memory) << std::setw(12) << median(of_gloo) << std::setw(22)
              << median(of_gloo) / median(of_memory) << std::endl;
  }
}

}  // namespace
}  // namespace accelerate

ACCELERATE_MAIN(accelerate::run)
