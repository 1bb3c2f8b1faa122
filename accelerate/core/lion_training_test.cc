// Lion, an optimizer of this library, by way of the Accelerator. Every test runs on each number of
// processes.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <tuple>
#include <vector>

#include "accelerate/capture/captured_step.h"
#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/lion.h"

namespace accelerate {
namespace {

struct Trained {
  std::vector<at::Tensor> parameters;
  std::string outcome;
};

// In fp64, because rounding decides on the sign of a direction that is nearly 0.
Trained train(bool captured) {
  Full accelerator;
  torch::manual_seed(2);
  auto net = small_net(at::kDouble);
  Lion lion(net->parameters(), LionOptions(1e-2).betas({0.8, 0.95}).weight_decay(0.1));
  auto [model, optimizer] = accelerator.prepare(net, lion);
  EXPECT_TRUE(optimizer.is_fused());
  const auto plain = [&](const at::Tensor& x) {
    optimizer.zero_grad();
    const at::Tensor loss = torch::mse_loss(model(x), 5 * x + 3);
    accelerator.backward(loss);
    accelerator.clip_grad_norm(model, 0.5);
    optimizer.step();
    return loss.detach();
  };
  auto step = accelerator.capture(plain);
  const int64_t rank = accelerator.process_index(), size = accelerator.num_processes();
  for (int i = 0; i < 20; ++i) {
    torch::manual_seed(i);
    const at::Tensor x = torch::randn({8 * size, 1}, at::kDouble).narrow(0, 8 * rank, 8);
    captured ? step(x) : plain(x);
  }
  Trained result{.parameters = {}, .outcome = step.refusal().value_or("captured")};
  for (const at::Tensor& each : net->parameters()) result.parameters.push_back(each.detach());
  return result;
}

TEST(LionTraining, ClipsAndStepsAsOneProcessDoes) {
  const Trained trained = train(/*captured=*/false);
  Full accelerator;
  torch::manual_seed(2);
  auto net = small_net(at::kDouble);
  Lion lion(net->parameters(), LionOptions(1e-2).betas({0.8, 0.95}).weight_decay(0.1));
  for (int i = 0; i < 20; ++i) {
    torch::manual_seed(i);
    const at::Tensor x = torch::randn({8 * accelerator.num_processes(), 1}, at::kDouble);
    lion.zero_grad();
    torch::mse_loss(net->forward(x), 5 * x + 3).backward();
    torch::nn::utils::clip_grad_norm_(net->parameters(), 0.5);
    lion.step();
  }
  const auto expected = net->parameters();
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(torch::allclose(trained.parameters[i], expected[i], 1e-10, 1e-10)) << i;
}

TEST(LionTraining, IsTheSameInCapturedSteps) {
  const Trained plain = train(/*captured=*/false), captured = train(/*captured=*/true);
  EXPECT_EQ(captured.outcome, "captured");
  for (size_t i = 0; i < plain.parameters.size(); ++i)
    EXPECT_TRUE(plain.parameters[i].equal(captured.parameters[i])) << i;
}

}  // namespace
}  // namespace accelerate
