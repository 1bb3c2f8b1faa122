// Steps per second of a small MLP (64-256-10, batch 32, AdamW, one thread), by three loops over the
// same model, data and initial weights. Run by compare.py, in turn with the Python ones.
#include <torch/torch.h>

#include <chrono>
#include <iostream>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"

ABSL_FLAG(std::string, loop, "accelerate",
          "accelerate; fused_list: by hand with at::_fused_adamw_; libtorch: by hand with "
          "torch::optim::AdamW");
ABSL_FLAG(int64_t, steps, 4000, "steps that are timed, after 200 that are not");

namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kBatch = 32, kWarmUp = 200;

torch::nn::Sequential make_net() {
  return torch::nn::Sequential(torch::nn::Linear(64, 256), torch::nn::ReLU(),
                               torch::nn::Linear(256, 10));
}

// Times all steps after the warm-up, and reports the last loss, which is to be the same everywhere.
class Stopwatch {
 public:
  void after_step(int64_t step, const at::Tensor& loss) {
    if (step + 1 == kWarmUp) begin_ = Clock::now();
    if (step + 1 < kWarmUp + absl::GetFlag(FLAGS_steps)) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    std::cout << static_cast<double>(absl::GetFlag(FLAGS_steps)) / seconds << " steps/s, loss "
              << loss.item<float>() << std::endl;
  }

 private:
  Clock::time_point begin_;
};

template <class Accelerator>
void run_accelerated(Accelerator& accelerator, const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer, loader] = accelerator.prepare(
      net, adamw, accelerate::DataLoader(accelerate::TensorDataset(x, y), {.batch_size = kBatch}));
  Stopwatch stopwatch;
  int64_t step = 0;
  for (auto& batch : loader) {
    optimizer.zero_grad();
    auto loss = torch::cross_entropy_loss(model(batch.data), batch.target);
    accelerator.backward(loss);
    optimizer.step();
    stopwatch.after_step(step++, loss);
  }
}

// A loop by hand over sliced batches; `take_step` is the optimizer's.
template <class TakeStep>
void run_by_hand(torch::nn::Sequential& net, const at::Tensor& x, const at::Tensor& y,
                 TakeStep&& take_step) {
  Stopwatch stopwatch;
  for (int64_t step = 0; step < x.size(0) / kBatch; ++step) {
    net->zero_grad();
    auto loss = torch::cross_entropy_loss(net->forward(x.narrow(0, step * kBatch, kBatch)),
                                          y.narrow(0, step * kBatch, kBatch));
    loss.backward();
    take_step();
    stopwatch.after_step(step, loss);
  }
}

void run_libtorch(const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-3));
  run_by_hand(net, x, y, [&] { adamw.step(); });
}

void run_fused_list(const at::Tensor& x, const at::Tensor& y) {
  auto net = make_net();
  std::vector<at::Tensor> parameters = net->parameters(), first, second, steps;
  for (const at::Tensor& each : parameters) {
    first.push_back(torch::zeros_like(each));
    second.push_back(torch::zeros_like(each));
    steps.push_back(torch::zeros({}));
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
  TORCH_CHECK(loop == "accelerate" || loop == "fused_list" || loop == "libtorch", "--loop=", loop,
              " is none; use accelerate, fused_list or libtorch");
  if (loop == "accelerate") run_accelerated(accelerator, x, y);
  if (loop == "fused_list") run_fused_list(x, y);
  if (loop == "libtorch") run_libtorch(x, y);
}

}  // namespace

ACCELERATE_MAIN(train)
