// The smallest program that trains: one linear layer, one step. What scaling.py starts many of.
#include <torch/torch.h>

#include "accelerate/accelerate.h"

template <class Accelerator>
void train(Accelerator& accelerator) {
  torch::nn::Linear line(8, 1);
  torch::optim::SGD sgd(line->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(line, sgd);
  accelerator.backward(model(torch::ones({4, 8})).mean());
  optimizer.step();
  accelerator.print("first step");
}

ACCELERATE_MAIN(train)
