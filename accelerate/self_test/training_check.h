// Checks that models are trained correctly: in full precision with the same result as in one
// process, and in lower precision to a smaller loss. A Report (report.h) runs the checks on all
// ranks.
//
//   Findings found;
//   check_training(accelerator, found);
//
// Not for tests of the library: use googletest.
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accelerate/core/accelerator.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/tensor_dataset.h"
#include "accelerate/self_test/findings.h"

namespace accelerate::self_test {

// For comparing the parameters of several processes with those of one: fp32 sums are rounded in a
// different order.
constexpr double kTrainingTolerance = 1e-5;

constexpr int64_t kTrainingBatchSize = 8;

// Points of a smooth function, four batches for each process, in no particular order.
inline TensorDataset training_data(int64_t processes) {
  const int64_t samples = 4 * kTrainingBatchSize * processes;
  const at::Tensor x = (torch::arange(samples) * 7).remainder(samples).to(at::kFloat) / samples;
  const at::Tensor columns = torch::stack({x, x.square()}, 1);
  return TensorDataset(columns, (3 * x).sin().unsqueeze(1));
}

inline torch::nn::Sequential make_net(uint64_t seed) {
  torch::manual_seed(seed);
  return torch::nn::Sequential(torch::nn::Linear(2, 16), torch::nn::Tanh(),
                               torch::nn::Linear(16, 1));
}

// All parameters in one dimension.
inline at::Tensor values_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& parameter : module.parameters())
    pieces.push_back(parameter.detach().reshape(-1));
  return torch::cat(pieces);
}

// Returns the parameters that one process gets from the whole batches, in plain LibTorch.
inline at::Tensor train_alone(torch::nn::Sequential net, const TensorDataset& data,
                              int64_t batch_size, int epochs, c10::Device device) {
  net->to(device);
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  DataLoader loader(data, {.batch_size = batch_size});
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto& batch : loader) {
      optimizer.zero_grad();
      torch::mse_loss(net->forward(batch.data.to(device)), batch.target.to(device)).backward();
      optimizer.step();
    }
  }
  return values_of(*net);
}

template <class A>
void check_training(A& accelerator, Findings& found) {
  constexpr int epochs = 5;
  constexpr uint64_t seed = 42;
  const int64_t processes = accelerator.num_processes();
  const TensorDataset data = training_data(processes);
  // All ranks train from rank 0's model.
  torch::nn::Sequential net = make_net(seed + accelerator.process_index());
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  auto [model, optimizer, loader] =
      accelerator.prepare(net, sgd, DataLoader(data, {.batch_size = kTrainingBatchSize}));
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto& batch : loader) {
      optimizer.zero_grad();
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      optimizer.step();
    }
  }
  found.expect_equal("the trained parameters",
                     train_alone(make_net(seed), data, kTrainingBatchSize * processes, epochs,
                                 accelerator.device()),
                     values_of(*net), kTrainingTolerance);
}

// For an Accelerator that computes in 16 bits.
template <class A>
void check_mixed_precision(A& accelerator, Findings& found) {
  constexpr int epochs = 25;
  const TensorDataset data = training_data(accelerator.num_processes());
  torch::nn::Sequential net = make_net(/*seed=*/1);
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  auto [model, optimizer, loader] =
      accelerator.prepare(net, sgd, DataLoader(data, {.batch_size = kTrainingBatchSize}));
  std::vector<double> losses;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    at::Tensor total = torch::zeros({}, accelerator.device());
    for (auto& batch : loader) {
      optimizer.zero_grad();
      const at::Tensor loss = torch::mse_loss(model(batch.data), batch.target);
      accelerator.backward(loss);
      optimizer.step();
      total += loss.detach();
    }
    losses.push_back(accelerator.reduce(total, ReduceOp::kMean).template item<double>());
  }
  found.expect(losses.back() < losses.front() / 2,
               absl::StrCat("expected training to halve the loss, saw it go from ", losses.front(),
                            " to ", losses.back()));

  const at::Tensor mine = values_of(*net);
  found.expect_equal("the trained parameters, which are rank 0's on all",
                     accelerator.broadcast(mine), mine);
  found.expect(mine.scalar_type() == at::kFloat,
               absl::StrCat("expected the parameters to stay Float, saw ",
                            c10::toString(mine.scalar_type())));
  const auto scope = accelerator.autocast();
  const at::Tensor ones = torch::ones({2, 2}, accelerator.device());
  found.expect_equal("a product under autocast", torch::full({2, 2}, 2.0, *A::precision.autocast),
                     ones.mm(ones));
}

// For an Accelerator that scales the loss.
template <class A>
void check_overflow(A& accelerator, Findings& found) {
  torch::nn::Sequential net = make_net(/*seed=*/1);
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor before = values_of(*net);
  const double scale = accelerator.loss_scale();
  // On one rank only: the average passes the overflow on to the others.
  const bool last = accelerator.process_index() == accelerator.num_processes() - 1;
  const at::Tensor output = model(torch::ones({1, 2}, accelerator.device()));
  accelerator.backward(output.sum() * (last ? INFINITY : 1e-3));
  optimizer.step();
  found.expect(accelerator.optimizer_step_was_skipped(),
               "expected a step with an overflow to be skipped, saw it taken");
  found.expect_equal("the parameters after a skipped step", before, values_of(*net));
  found.expect(accelerator.loss_scale() == scale / 2,
               absl::StrCat("expected the loss scale ", scale / 2, " after an overflow, saw ",
                            accelerator.loss_scale()));
}

}  // namespace accelerate::self_test
