// Learns which points of a square lie inside a circle.
#include <torch/torch.h>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"

ABSL_FLAG(int, epochs, 10, "passes over the points");

struct NetImpl : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& points) { return output(torch::relu(hidden(points))); }

  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(2, 32));
  torch::nn::Linear output = register_module("output", torch::nn::Linear(32, 2));
};
TORCH_MODULE(Net);

// The same function for one process or many, on CPUs or GPUs, in any precision.
template <class Accelerator>
void train(Accelerator& accelerator) {
  torch::manual_seed(0);  // Every process must make the same points.
  const auto points = torch::rand({4096, 2}) * 2 - 1;
  const auto inside = (points.square().sum(1) < 0.64).to(torch::kLong);

  Net net;
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(1e-2));
  accelerate::DataLoader batches(accelerate::TensorDataset(points, inside),
                                 {.batch_size = 32, .shuffle = true});
  auto [model, optimizer, loader] = accelerator.prepare(net, adamw, batches);

  for (int epoch = 1; epoch <= absl::GetFlag(FLAGS_epochs); ++epoch) {
    auto total_loss = torch::zeros({}, accelerator.device());
    for (auto& batch : loader) {
      optimizer.zero_grad();
      auto loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
      accelerator.backward(loss);
      optimizer.step();
      total_loss += loss.detach();
    }
    auto mean = accelerator.reduce(total_loss / loader.size(), accelerate::ReduceOp::kMean);
    accelerator.print("epoch ", epoch, " loss ", mean.template item<float>());
  }
}

ACCELERATE_MAIN(train)
