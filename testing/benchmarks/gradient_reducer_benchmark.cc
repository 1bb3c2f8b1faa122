// Backward passes whose gradients are averaged over two processes: by the GradientReducer, by
// PyTorch's c10d::Reducer (the engine of DistributedDataParallel), and without averaging.
//
//   bazel run //accelerate/gradients:gradient_reducer_benchmark -- --num_processes=2
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "accelerate/accelerate.h"
#include "accelerate/comm/backend.h"
#include "accelerate/gradients/gradient_reducer.h"

namespace accelerate {
namespace {

constexpr int64_t kBatch = 16;
constexpr int64_t kBucketBytes = int64_t{25} << 20, kFirstBucketBytes = int64_t{1} << 20;

struct Work {
  // So many square layers of such a width.
  Work(int64_t layers, int64_t width) {
    torch::manual_seed(0);
    for (int64_t i = 0; i < layers; ++i) {
      net->push_back(torch::nn::Linear(width, width));
      net->push_back(torch::nn::ReLU());
    }
    parameters = net->parameters();
    x = torch::randn({kBatch, width});
  }
  at::Tensor loss() { return net->forward(x).square().mean(); }
  void zero_grad() { net->zero_grad(); }

  torch::nn::Sequential net;
  std::vector<at::Tensor> parameters;
  at::Tensor x;
};

// A process group of its own beside the run's.
c10::intrusive_ptr<c10d::ProcessGroup> make_process_group() {
  const auto worker = launcher::read_worker_environment().value().value();
  c10d::TCPStoreOptions store_options;
  store_options.port = static_cast<uint16_t>(worker.main_port);
  store_options.waitWorkers = false;
  auto store = c10::make_intrusive<c10d::TCPStore>(worker.main_address, store_options);
  static int count = 0;
  auto own = c10::make_intrusive<c10d::PrefixStore>("benchmark" + std::to_string(count++), store);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(own, worker.rank, worker.world_size);
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO,
                    internal::make_gloo_backend(own, {.rank = worker.rank,
                                                      .size = worker.world_size,
                                                      .timeout = std::chrono::minutes(5),
                                                      .network_interface = "",
                                                      .hostname = worker.main_address}));
  return group;
}

void backward_alone(benchmark::State& state) {
  Work work(state.range(0), state.range(1));
  for (auto _ : state) {
    work.zero_grad();
    work.loss().backward();
  }
}

void gradient_reducer(benchmark::State& state, Communicator& communicator) {
  Work work(state.range(0), state.range(1));
  std::vector<NamedParameter> parameters;
  for (const at::Tensor& each : work.parameters) parameters.push_back({"", each});
  std::reverse(parameters.begin(), parameters.end());
  GradientReducer reducer(communicator, parameters, {});
  for (auto _ : state) {
    work.zero_grad();
    reducer.begin(/*eager=*/true);
    work.loss().backward();
    reducer.finish();
  }
}

void c10d_reducer(benchmark::State& state) {
  Work work(state.range(0), state.range(1));
  const auto& parameters = work.parameters;
  const std::vector<bool> no_sparse(parameters.size(), false);
  auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
      parameters, {static_cast<size_t>(kFirstBucketBytes), static_cast<size_t>(kBucketBytes)},
      no_sparse));
  std::reverse(buckets.begin(), buckets.end());
  auto reducer = std::make_shared<c10d::Reducer>(
      parameters, buckets, make_process_group(), no_sparse, kBucketBytes,
      /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
      std::unordered_map<size_t, std::string>{}, kFirstBucketBytes,
      /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
      std::vector<int64_t>{});
  auto logger = std::make_shared<c10d::Logger>(reducer);
  reducer->set_logger(logger);
  for (auto _ : state) {
    reducer->rebuild_buckets();
    reducer->prepare_for_forward();
    const at::Tensor loss = work.loss();
    reducer->prepare_for_backward({});
    for (const at::Tensor& each : parameters) {
      if (each.grad().defined()) each.mutable_grad().zero_();
    }
    loss.backward();
  }
}

// Of the ranks but the first.
class Silent : public benchmark::BenchmarkReporter {
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

template <class Accelerator>
void run(Accelerator& accelerator, const std::vector<std::string>&) {
  at::set_num_threads(1);
  const auto worker = launcher::read_worker_environment().value().value();
  const auto communicator =
      Communicator::world(worker, make_process_info(worker, c10::DeviceType::CPU), {});
  struct Size {
    int64_t layers, width, iterations;
  };
  // All ranks take the same number of steps. Several rounds, in turn.
  for (int round = 0; round < 3; ++round) {
    for (const Size& size : {Size{2, 96, 2000}, Size{16, 512, 60}}) {
      const auto add = [&](const std::string& name, auto function) {
        benchmark::RegisterBenchmark((name + " round " + std::to_string(round)).c_str(), function)
            ->Args({size.layers, size.width})
            ->Iterations(size.iterations)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
      };
      add("GradientReducer",
          [communicator](benchmark::State& state) { gradient_reducer(state, *communicator); });
      add("c10d::Reducer", c10d_reducer);
      add("no averaging", backward_alone);
    }
  }
  Silent silent;
  benchmark::ConsoleReporter console;
  benchmark::BenchmarkReporter* reporter = &silent;
  if (accelerator.is_main_process()) reporter = &console;
  benchmark::RunSpecifiedBenchmarks(reporter);
}

}  // namespace
}  // namespace accelerate

ACCELERATE_MAIN(accelerate::run)
