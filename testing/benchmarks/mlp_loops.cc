// Steps per second of a small MLP (64-256-10, batch 32, AdamW, one thread), by several loops over
// the same model, data and initial weights. Run by compare.py and compare_gpu.py, in turn with the
// Python ones.
#include <torch/torch.h>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "testing/benchmarks/stopwatch.h"

ABSL_FLAG(
    std::string, loop, "accelerate",
    "accelerate; sliced: the same with batches cut from data on the device, without a loader; "
    "captured: that step, recorded once; fused_list: by hand with at::_fused_adamw_; "
    "libtorch: by hand with torch::optim::AdamW");
ABSL_FLAG(int64_t, steps, 4000, "steps that are timed, after 200 that are not");

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

accelerate::benchmarks::Stopwatch make_stopwatch() {
  return accelerate::benchmarks::Stopwatch(
      {.warm_up = kWarmUp, .steps = absl::GetFlag(FLAGS_steps)});
}

template <class Accelerator>
void run_accelerated(Accelerator& accelerator, const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer, loader] = accelerator.prepare(
      net, adamw, accelerate::DataLoader(accelerate::TensorDataset(x, y), {.batch_size = kBatch}));
  auto stopwatch = make_stopwatch();
  for (auto& batch : loader) {
    optimizer.zero_grad();
    auto loss = torch::cross_entropy_loss(model(batch.data), batch.target);
    accelerator.backward(loss);
    optimizer.step();
    stopwatch.after_step(loss);
  }
}

// A loop over sliced batches; `take_step` returns the loss.
template <class TakeStep>
void run_sliced(const at::Tensor& x, const at::Tensor& y, TakeStep&& take_step) {
  auto stopwatch = make_stopwatch();
  for (int64_t step = 0; step < x.size(0) / kBatch; ++step)
    stopwatch.after_step(
        take_step(x.narrow(0, step * kBatch, kBatch), y.narrow(0, step * kBatch, kBatch)));
}

template <class Accelerator>
void run_accelerated_sliced(Accelerator& accelerator, const at::Tensor& x, const at::Tensor& y,
                            bool capture) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const auto step = [&](const at::Tensor& data, const at::Tensor& target) {
    optimizer.zero_grad();
    auto loss = torch::cross_entropy_loss(model(data), target);
    accelerator.backward(loss);
    optimizer.step();
    return loss.detach();
  };
  if (!capture) return run_sliced(x, y, step);
  auto captured = accelerator.capture(step);
  run_sliced(x, y, captured);
  TORCH_CHECK(!captured.refusal(), "the step was not captured: ", *captured.refusal());
}

// The same by hand; `update` is the optimizer's step.
template <class Update>
void run_by_hand(torch::nn::Sequential& net, const at::Tensor& x, const at::Tensor& y,
                 Update&& update) {
  run_sliced(x, y, [&](const at::Tensor& data, const at::Tensor& target) {
    net->zero_grad();
    auto loss = torch::cross_entropy_loss(net->forward(data), target);
    loss.backward();
    update();
    return loss;
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
void train(Accelerator& accelerator) {
  at::set_num_threads(1);
  torch::manual_seed(0);
  const int64_t rows = kBatch * (kWarmUp + absl::GetFlag(FLAGS_steps));
  const at::Tensor x = torch::randn({rows, 64}), y = torch::randint(0, 10, {rows});
  const std::string loop = absl::GetFlag(FLAGS_loop);
  if (loop == "accelerate") return run_accelerated(accelerator, x, y);

  const at::Tensor on_device = x.to(accelerator.device()), targets = y.to(accelerator.device());
  if (loop == "sliced" || loop == "captured") {
    run_accelerated_sliced(accelerator, on_device, targets, loop == "captured");
  } else if (loop == "fused_list") {
    run_fused_list(on_device, targets);
  } else if (loop == "libtorch") {
    run_libtorch(on_device, targets);
  } else {
    TORCH_CHECK(false, "--loop=", loop,
                " is none; use accelerate, sliced, captured, fused_list or libtorch");
  }
}

}  // namespace

ACCELERATE_MAIN(train)
