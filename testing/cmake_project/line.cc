// Fits a line to one whose slope is a flag.
#include <torch/torch.h>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"

ABSL_FLAG(double, slope, 2, "of the line that is to be found");

template <class Accelerator>
void train(Accelerator& accelerator) {
  torch::nn::Linear net(1, 1);
  torch::optim::SGD sgd(net->parameters(), 0.5);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const auto x = torch::linspace(-1, 1, 8).view({8, 1}) + 0.01 * accelerator.process_index();
  for (int step = 0; step < 200; ++step) {
    optimizer.zero_grad();
    accelerator.backward(torch::mse_loss(model(x), absl::GetFlag(FLAGS_slope) * x + 3));
    optimizer.step();
  }
  accelerator.print(accelerator.num_processes(), " processes found the slope ",
                    net->weight.template item<float>());
}

ACCELERATE_MAIN(train)
