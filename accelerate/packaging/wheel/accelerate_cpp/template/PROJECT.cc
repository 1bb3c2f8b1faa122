// Trains a small network to tell two spirals apart.
#include <torch/torch.h>

#include <numbers>
#include <utility>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"

ABSL_FLAG(int, epochs, 40, "passes over the points");
ABSL_FLAG(double, lr, 0.01, "learning rate");

namespace {

// Points {n, 2} and the number of the spiral {n} that each lies on.
std::pair<torch::Tensor, torch::Tensor> spirals(int64_t n) {
  const torch::Tensor labels = torch::arange(n) % 2;
  const torch::Tensor radius = torch::linspace(0.1, 1, n);
  const torch::Tensor angle = radius * 3 * std::numbers::pi + labels * std::numbers::pi;
  return {torch::stack({radius * angle.cos(), radius * angle.sin()}, 1), labels};
}

}  // namespace

template <class Accelerator>
void train(Accelerator& accelerator) {
  torch::manual_seed(0);
  const auto [points, labels] = spirals(2000);
  torch::nn::Sequential net(torch::nn::Linear(2, 64), torch::nn::Tanh(), torch::nn::Linear(64, 64),
                            torch::nn::Tanh(), torch::nn::Linear(64, 2));
  torch::optim::AdamW adamw(net->parameters(), absl::GetFlag(FLAGS_lr));
  accelerate::DataLoader batches(accelerate::TensorDataset(points, labels),
                                 {.batch_size = 50, .shuffle = true});
  auto [model, optimizer, loader] = accelerator.prepare(net, adamw, batches);

  for (int epoch = 1; epoch <= absl::GetFlag(FLAGS_epochs); ++epoch) {
    auto right = torch::zeros({}, accelerator.device());
    int64_t seen = 0;
    for (auto& batch : loader) {
      optimizer.zero_grad();
      const torch::Tensor scores = model(batch.data);
      accelerator.backward(torch::nn::functional::cross_entropy(scores, batch.target));
      optimizer.step();
      right += scores.argmax(1).eq(batch.target).sum();
      seen += batch.data.size(0);
    }
    const auto rate = accelerator.reduce(100 * right / seen, accelerate::ReduceOp::kMean);
    if (epoch % 10 == 0)
      accelerator.print("epoch ", epoch, ": ", rate.template item<float>(), " % right");
  }
}

ACCELERATE_MAIN(train)
