// Steps per second of a small MLP (64-256-10, batch 32, AdamW, one thread), by several loops over
// the same model, data and initial weights. Run by compare.py and compare_gpu.py, in turn with the
// Python ones.
#include <torch/torch.h>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "testing/benchmarks/memory.h"
#include "testing/benchmarks/stopwatch.h"

ABSL_FLAG(
    std::string, loop, "accelerate",
    "accelerate; sliced: the same with batches cut from data on the device, without a loader; "
    "fused_list: by hand with at::_fused_adamw_; libtorch: by hand with torch::optim::AdamW");
ABSL_FLAG(bool, capture, false, "record the step of accelerate or sliced once, and replay it");
ABSL_FLAG(int64_t, steps, 4000, "batches of each process that are timed, after 200 that are not");
ABSL_FLAG(int, accumulate, 1, "batches of one update");
ABSL_FLAG(double, clip, 0, "greatest norm of an update's gradients; 0 leaves them as they are");
ABSL_FLAG(int64_t, losses, 0, "print the losses of so many batches, the first ones");
ABSL_FLAG(bool, report_memory, false, "print what memory each process has at the end");

namespace {

constexpr int64_t kBatch = 32, kWarmUp = 200;

torch::nn::Sequential make_net() {
  // One after the other, so that the weights are drawn in Python's order.
  torch::nn::Sequential net;
  net->push_back(torch::nn::Linear(64, 256));
  net->push_back(torch::nn::ReLU());
  net->push_back(torch::nn::Linear(256, 10));
  return net;
}

accelerate::benchmarks::Stopwatch make_stopwatch(bool speaks = true) {
  return accelerate::benchmarks::Stopwatch({.warm_up = kWarmUp,
                                            .steps = absl::GetFlag(FLAGS_steps),
                                            .losses = absl::GetFlag(FLAGS_losses),
                                            .speaks = speaks});
}

// Sends the batches of `feed` through a training step, which is captured if that was asked for.
// `feed` gets a function of data and target.
template <class Accelerator, class Model, class Optimizer, class Feed>
void run_accelerated(Accelerator& accelerator, Model& model, Optimizer& optimizer, Feed&& feed) {
  const double clip = absl::GetFlag(FLAGS_clip);
  const bool accumulate = absl::GetFlag(FLAGS_accumulate) > 1;
  accelerator.set_gradient_accumulation_steps(absl::GetFlag(FLAGS_accumulate));

  const auto train_on = [&](const at::Tensor& data, const at::Tensor& target) {
    optimizer.zero_grad();
    auto loss = torch::cross_entropy_loss(model(data), target);
    accelerator.backward(loss);
    if (clip > 0 && accelerator.sync_gradients()) accelerator.clip_grad_norm(model, clip);
    optimizer.step();
    return loss.detach();
  };
  const auto step = [&](const at::Tensor& data, const at::Tensor& target) {
    // As a program would be written that never accumulates.
    if (!accumulate) return train_on(data, target);
    auto scope = accelerator.accumulate(model);
    return train_on(data, target);
  };
  auto stopwatch = make_stopwatch(accelerator.is_main_process());
  if (!absl::GetFlag(FLAGS_capture)) {
    return feed(
        [&](const auto& data, const auto& target) { stopwatch.after_step(step(data, target)); });
  }
  auto captured = accelerator.capture(step);
  feed([&](const auto& data, const auto& target) {
    stopwatch.after_step(captured(data, target));
    TORCH_CHECK(!captured.refusal(), "the step was not captured: ", *captured.refusal());
  });
}

template <class Accelerator>
void run_loader(Accelerator& accelerator, const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer, loader] = accelerator.prepare(
      net, adamw, accelerate::DataLoader(accelerate::TensorDataset(x, y), {.batch_size = kBatch}));
  run_accelerated(accelerator, model, optimizer, [&loader](auto&& take) {
    for (auto& batch : loader) take(batch.data, batch.target);
  });
}

template <class Take>
void feed_slices(const at::Tensor& x, const at::Tensor& y, Take&& take) {
  for (int64_t row = 0; row < x.size(0); row += kBatch)
    take(x.narrow(0, row, kBatch), y.narrow(0, row, kBatch));
}

template <class Accelerator>
void run_sliced(Accelerator& accelerator, const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  run_accelerated(accelerator, model, optimizer,
                  [&](auto&& take) { feed_slices(x, y, std::forward<decltype(take)>(take)); });
}

// The same by hand; `update` is the optimizer's step.
template <class Update>
void run_by_hand(torch::nn::Sequential& net, const at::Tensor& x, const at::Tensor& y,
                 Update&& update) {
  const int accumulate = absl::GetFlag(FLAGS_accumulate);
  const double clip = absl::GetFlag(FLAGS_clip);
  auto stopwatch = make_stopwatch();
  int64_t batches = 0;
  feed_slices(x, y, [&](const at::Tensor& data, const at::Tensor& target) {
    if (batches % accumulate == 0) net->zero_grad();
    auto loss = torch::cross_entropy_loss(net->forward(data), target);
    (accumulate > 1 ? loss / accumulate : loss).backward();
    if (++batches % accumulate == 0) {
      if (clip > 0) torch::nn::utils::clip_grad_norm_(net->parameters(), clip);
      update();
    }
    stopwatch.after_step(loss);
  });
}

void run_libtorch(const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  net->to(x.device());
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  run_by_hand(net, x, y, [&] { adamw.step(); });
}

void run_fused_list(const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  net->to(x.device());
  std::vector<at::Tensor> parameters = net->parameters(), first, second, steps;
  for (const at::Tensor& each : parameters) {
    first.push_back(torch::zeros_like(each));
    second.push_back(torch::zeros_like(each));
    steps.push_back(torch::zeros({}, x.options()));
  }
  run_by_hand(net, x, y, [&] {
    torch::NoGradGuard no_grad;
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& each : parameters) gradients.push_back(each.grad());
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, 1e-3, 0.9, 0.999, 1e-2, 1e-8,
                      false, false);
  });
}

template <class Accelerator>
void run(Accelerator& accelerator, const std::string& loop) {
  const int processes = accelerator.num_processes();
  torch::manual_seed(0);
  const int64_t rows = kBatch * (kWarmUp + absl::GetFlag(FLAGS_steps)) * processes;
  const at::Tensor x = torch::randn({rows, 64}), y = torch::randint(0, 10, {rows});
  if (loop == "accelerate") return run_loader(accelerator, x, y);

  TORCH_CHECK(processes == 1, "--loop=", loop, " takes all batches on each of ", processes,
              " processes; use --loop=accelerate, or one process");
  const at::Tensor on_device = x.to(accelerator.device()), targets = y.to(accelerator.device());
  if (loop == "sliced") return run_sliced(accelerator, on_device, targets);
  TORCH_CHECK(!absl::GetFlag(FLAGS_capture), "--loop=", loop,
              " is not captured; use accelerate or sliced, or leave out --capture");
  if (loop == "fused_list") return run_fused_list(on_device, targets);
  if (loop == "libtorch") return run_libtorch(on_device, targets);
  TORCH_CHECK(false, "--loop=", loop, " is none; use accelerate, sliced, fused_list or libtorch");
}

template <class Accelerator>
void train(Accelerator& accelerator) {
  at::set_num_threads(1);
  run(accelerator, absl::GetFlag(FLAGS_loop));
  if (absl::GetFlag(FLAGS_report_memory)) accelerate::benchmarks::report_memory(accelerator);
}

}  // namespace

ACCELERATE_MAIN(train)
