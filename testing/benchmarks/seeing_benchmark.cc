// What it costs to look at a run: a small step measured and not, logged and not, with a bar and
// without, in turn.
//
//   bazel run //testing/benchmarks:seeing_benchmark -- --num_processes=2 /tmp/runs
#include <torch/torch.h>

#include <iomanip>
#include <string>
#include <vector>

#include "accelerate/accelerate.h"
#include "testing/benchmarks/timing.h"

namespace {

using accelerate::benchmarks::median;
using accelerate::benchmarks::seconds_of;

constexpr int64_t kInputs = 64, kWidth = 128, kBatch = 32;
constexpr int kRounds = 15, kSteps = 1500;

template <class Accelerator>
void train(Accelerator& accelerator, const std::vector<std::string>& arguments) {
  TORCH_CHECK(arguments.size() == 1, "give the folder to log in, which need not be there");
  at::set_num_threads(1);
  torch::nn::Sequential net(torch::nn::Linear(kInputs, kWidth), torch::nn::ReLU(),
                            torch::nn::Linear(kWidth, 10));
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer, loader] = accelerator.prepare(
      net, adamw,
      accelerate::DataLoader(accelerate::TensorDataset(torch::randn({kBatch * kSteps, kInputs}),
                                                       torch::randint(10, {kBatch * kSteps})),
                             {.batch_size = kBatch / accelerator.num_processes()}));
  accelerator.init_trackers("benchmark", {}, {.folder = arguments[0]});
  int64_t step = 0;
  const auto epoch = [&, &model = model, &optimizer = optimizer, &loader = loader](bool logs,
                                                                                   bool shows) {
    accelerate::ProgressBar bar({.total = kSteps, .leave = false, .visible = shows});
    for (auto& batch : loader) {
      optimizer.zero_grad();
      const at::Tensor loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
      accelerator.backward(loss);
      optimizer.step();
      ++step;
      if (logs) accelerator.log({{"loss", loss.detach()}}, {.step = step});
      if (shows) bar.advance();
    }
  };
  epoch(false, false);
  std::vector<double> steps, measured, logged, shown;
  for (int round = 0; round < kRounds; ++round) {
    const double plain = seconds_of([&] { epoch(false, false); });
    accelerator.measure_steps();
    measured.push_back(seconds_of([&] { epoch(false, false); }) / plain);
    accelerator.measure_steps(false);
    logged.push_back(seconds_of([&] { epoch(true, false); }) / plain);
    shown.push_back(seconds_of([&] { epoch(false, accelerator.is_main_process()); }) / plain);
    steps.push_back(plain / kSteps);
  }
  accelerator.print(std::setprecision(4), "a step takes ", 1e6 * median(steps), " us; medians of ",
                    kRounds, " rounds in turn: measured ", median(measured), ", logged ",
                    median(logged), ", with a bar ", median(shown), " times as long");
}

}  // namespace

ACCELERATE_MAIN(train)
