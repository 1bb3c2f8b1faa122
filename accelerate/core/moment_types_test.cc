// Moments of AdamW in bfloat16, by way of the Accelerator: how it learns beside fp32, and that a
// checkpoint goes on in either type.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>
#include <string>
#include <vector>

#include "accelerate/capture/captured_step.h"
#include "accelerate/core/checkpoint_test_helpers.h"
#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;

// Learns a function with noise, of which a part of the loss remains.
struct Learning {
  explicit Learning(MomentType type)
      : accelerator({.moments = {.type = type, .seed = 1}}),
        net(made()),
        adamw(net->parameters(), AdamWOptions(3e-3)),
        model(accelerator.prepare(net)),
        optimizer(accelerator.prepare(adamw)) {}

  static torch::nn::Sequential made() {
    torch::manual_seed(5);
    return torch::nn::Sequential(torch::nn::Linear(8, 32), torch::nn::Tanh(),
                                 torch::nn::Linear(32, 1));
  }

  at::Tensor step(const at::Tensor& x, const at::Tensor& y) {
    optimizer.zero_grad();
    const at::Tensor loss = torch::mse_loss(model(x), y);
    accelerator.backward(loss);
    accelerator.clip_grad_norm(model, 5);
    optimizer.step();
    return loss.detach();
  }

  // The mean loss over all ranks of each step of these.
  std::vector<double> train(int from, int to, bool captured = false) {
    auto captured_step = accelerator.capture(
        [this](const at::Tensor& x, const at::Tensor& y) { return step(x, y); });
    torch::manual_seed(6);
    const at::Tensor inner = torch::randn({8, 16}), outer = torch::randn({16, 1});
    std::vector<double> losses;
    for (int i = from; i < to; ++i) {
      torch::manual_seed(1000 + i);
      const int64_t size = 16, of_all = size * accelerator.num_processes();
      const at::Tensor all = torch::randn({of_all, 8});
      const at::Tensor noise = 0.5 * torch::randn({of_all, 1});
      const at::Tensor wanted = torch::tanh(all.mm(inner)).mm(outer) + noise;
      const int64_t begin = size * accelerator.process_index();
      const at::Tensor x = all.narrow(0, begin, size), y = wanted.narrow(0, begin, size);
      const at::Tensor loss = captured ? captured_step(x, y) : step(x, y);
      losses.push_back(accelerator.reduce(loss, ReduceOp::kMean).item<double>());
    }
    EXPECT_EQ(captured_step.refusal().value_or("captured"), "captured");
    return losses;
  }

  c10::ScalarType type_of_moments() {
    auto& state = *adamw.state().at(net->parameters()[0].unsafeGetTensorImpl());
    return static_cast<AdamWParamState&>(state).exp_avg_sq().scalar_type();
  }

  void expect_same_bits(Learning& other) { EXPECT_EQ(largest_difference(*net, *other.net), 0); }

  Full accelerator;
  torch::nn::Sequential net;
  torch::optim::AdamW adamw;
  PreparedModel<torch::nn::SequentialImpl> model;
  PreparedOptimizer optimizer;
};

TEST(MomentTypes, LearnAsWellInBFloat16AsInFp32) {
  constexpr int kSteps = 300, kWindow = 50;
  Learning rounded(MomentType::kBf16), exact(MomentType::kFp32);
  const std::vector<double> ours = rounded.train(0, kSteps), theirs = exact.train(0, kSteps);
  const auto sum_from = [](const std::vector<double>& losses, int begin) {
    return std::accumulate(losses.begin() + begin, losses.begin() + begin + kWindow, 0.0);
  };
  for (int begin = 0; begin < kSteps; begin += kWindow)
    EXPECT_NEAR(sum_from(ours, begin) / sum_from(theirs, begin), 1, 0.01) << begin;
  EXPECT_LT(sum_from(theirs, kSteps - kWindow), 0.6 * sum_from(theirs, 0));
  EXPECT_EQ(rounded.accelerator.memory().bytes_of(MemoryKind::kOptimizer) * 2,
            exact.accelerator.memory().bytes_of(MemoryKind::kOptimizer));
}

TEST(MomentTypes, AreTheSameBitsOnAllRanks) {
  Learning run(MomentType::kBf16);
  run.train(0, 20);
  for (const at::Tensor& each : run.net->parameters())
    EXPECT_TRUE(torch::equal(each.detach(), run.accelerator.broadcast(each.detach().clone())));
}

TEST(MomentTypes, AreTheSameInCapturedSteps) {
  Learning plain(MomentType::kBf16), captured(MomentType::kBf16);
  plain.train(0, 20);
  captured.train(0, 20, /*captured=*/true);
  captured.expect_same_bits(plain);
}

TEST(MomentTypes, GoOnFromACheckpointToTheSameBits) {
  Learning whole(MomentType::kBf16), before(MomentType::kBf16), after(MomentType::kBf16);
  const std::string folder = new_folder(whole.accelerator) + "/saved";
  whole.train(0, 20);
  before.train(0, 10);
  before.accelerator.save_state(folder);
  after.accelerator.load_state(folder);
  EXPECT_EQ(after.type_of_moments(), at::kBFloat16);
  after.train(10, 20);
  after.expect_same_bits(whole);
}

TEST(MomentTypes, GoOnInTheOther) {
  for (const MomentType type : {MomentType::kFp32, MomentType::kBf16}) {
    const bool was_rounded = type == MomentType::kBf16;
    Learning before(type), after(was_rounded ? MomentType::kFp32 : MomentType::kBf16);
    const std::string folder = new_folder(before.accelerator) + "/saved";
    before.train(0, 10);
    before.accelerator.save_state(folder);
    // Over moments of its own type.
    after.train(0, 3);
    after.accelerator.load_state(folder);
    after.train(10, 12);
    before.train(10, 12);
    EXPECT_EQ(after.type_of_moments(), was_rounded ? at::kFloat : at::kBFloat16);
    EXPECT_LT(largest_difference(*after.net, *before.net), 1e-3);
  }
}

TEST(MomentTypes, AreRefusedForOtherOptimizers) {
  Full accelerator({.moments = {.type = MomentType::kBf16}});
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  EXPECT_NE(message_of([&] { (void)accelerator.prepare(sgd); }).find("use one of those instead"),
            std::string::npos);
}

}  // namespace
}  // namespace accelerate
