// How long the training stands still for a checkpoint that is written beside it, beside one copy of
// the state in memory, and what a loop loses that saves every ten steps. checkpoint_peer.py
// compares it with torch.distributed.checkpoint on the same model.
//
//   bazel run //testing/benchmarks:checkpoint_benchmark -- /tmp/checkpoints
#include <torch/torch.h>

#include <cstring>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "accelerate/accelerate.h"
#include "testing/benchmarks/timing.h"

namespace {

using accelerate::benchmarks::median;
using accelerate::benchmarks::seconds_of;

constexpr int64_t kWidth = 1024, kLayers = 4, kBatch = 32;
constexpr int kRounds = 9, kSteps = 50, kBetween = 10;

template <class Accelerator>
void train(Accelerator& accelerator, const std::vector<std::string>& arguments) {
  TORCH_CHECK(arguments.size() == 1, "give the folder to save in, which need not be there");
  at::set_num_threads(1);
  torch::nn::Sequential net;
  for (int64_t i = 0; i < kLayers; ++i) net->push_back(torch::nn::Linear(kWidth, kWidth));
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-4));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.set_checkpoints({.folder = arguments[0], .keep = 1, .asynchronous = true});
  const at::Tensor x = torch::randn({kBatch, kWidth});
  const auto step = [&, &model = model, &optimizer = optimizer] {
    optimizer.zero_grad();
    accelerator.backward(model(x).square().mean());
    optimizer.step();
  };
  const auto loop = [&](bool saves) {
    return seconds_of([&] {
      for (int i = 1; i <= kSteps; ++i) {
        step();
        if (saves && i % kBetween == 0) accelerator.save_state();
      }
    });
  };
  step();

  // The state, and memory for a copy of it, as the copies that are compared have it: used before.
  const std::vector<at::Tensor> parameters = net->parameters();
  int64_t bytes = 0;
  for (const at::Tensor& each : parameters) bytes += 3 * static_cast<int64_t>(each.nbytes());
  const at::Tensor from = torch::randn({bytes / 4}), to = torch::zeros({bytes / 4});
  std::vector<double> still, copy, alone, saving, ratios, losses;
  accelerator.save_state();
  accelerator.wait_for_checkpoint();
  for (int round = 0; round < kRounds; ++round) {
    copy.push_back(seconds_of(
        [&] { std::memcpy(to.data_ptr(), from.const_data_ptr(), static_cast<size_t>(bytes)); }));
    step();
    still.push_back(seconds_of([&] { accelerator.save_state(); }));
    accelerator.wait_for_checkpoint();
    ratios.push_back(still.back() / copy.back());
    alone.push_back(loop(false));
    saving.push_back(loop(true));
    accelerator.wait_for_checkpoint();
    losses.push_back(alone.back() / saving.back());
  }
  accelerator.print(std::setprecision(4), "state ", static_cast<double>(bytes) / 1e6,
                    " MB; stands still ", median(still) * 1e3, " ms; one copy ", median(copy) * 1e3,
                    " ms; ratio ", median(ratios));
  accelerator.print(std::setprecision(4), "a step ", median(alone) / kSteps * 1e3, " ms; ",
                    kBetween, " steps and a checkpoint ", median(saving) / kSteps * kBetween * 1e3,
                    " ms; speed kept ", median(losses));
}

}  // namespace

ACCELERATE_MAIN(train)
