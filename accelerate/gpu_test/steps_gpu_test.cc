// Steps of optimizers where the outcome stays on the device.
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "accelerate/gpu_test/on_devices.h"
#include "accelerate/optim/lambda_lr.h"
#include "accelerate/optim/lion.h"
#include "nlohmann/json.hpp"

namespace accelerate {
namespace {

using torch::optim::Adagrad;
using torch::optim::AdagradOptions;
using torch::optim::AdamW;
using torch::optim::AdamWOptions;
using torch::optim::RMSprop;
using torch::optim::RMSpropOptions;
using torch::optim::SGD;
using torch::optim::SGDOptions;

using Strategies = testing::Types<Cpu, Gpu>;
TYPED_TEST_SUITE(OnDevices, Strategies);

torch::nn::Linear one_weight() {
  return torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
}

// What torch.amp.GradScaler did on recorded sequences of overflows.
TYPED_TEST(OnDevices, FollowTheRecordedGradScaler) {
  std::ifstream in("accelerate/precision/testdata/grad_scaler.json");
  for (const auto& record : nlohmann::json::parse(in)["cases"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    Accelerator<TypeParam, Fp16> accelerator(
        {.loss_scale = {.init_scale = record["init_scale"],
                        .growth_factor = record["growth_factor"],
                        .backoff_factor = record["backoff_factor"],
                        .growth_interval = record["growth_interval"]}});
    auto net = one_weight();
    SGD sgd(net->parameters(), SGDOptions(1e-6));
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    ASSERT_TRUE(optimizer.is_fused());
    const std::string overflow = record["overflow"], skipped = record["skipped"];
    for (size_t step = 0; step < overflow.size(); ++step) {
      // Small enough for a scale of any size.
      const double factor = overflow[step] == '1' ? INFINITY : 1e-30;
      optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 1}, accelerator.device())).sum() * factor);
      if (step % 2 == 0) accelerator.clip_grad_norm(model, 1.0);
      const at::Tensor before = net->weight.detach().clone();
      optimizer.step();
      ASSERT_EQ(accelerator.optimizer_step_was_skipped(), skipped[step] == '1') << step;
      ASSERT_TRUE(skipped[step] == '0' || torch::equal(net->weight, before)) << step;
      ASSERT_EQ(accelerator.loss_scale(), record["scale"][step].template get<double>()) << step;
    }
  }
}

// Clipping and two groups, beside LibTorch's own on the same device.
template <class Strategy, class Optimizer, class Options>
void expect_steps_of(const Options& first, const Options& second) {
  Accelerator<Strategy, Fp32> accelerator;
  auto net = make_net(), twin = make_net();
  net->to(accelerator.device());
  twin->to(accelerator.device());
  const auto groups = [&](const torch::nn::Sequential& of) {
    const auto all = of->parameters();
    std::vector<torch::optim::OptimizerParamGroup> result{
        torch::optim::OptimizerParamGroup({all[0], all[3]}),
        torch::optim::OptimizerParamGroup({all[1], all[2]})};
    result[0].set_options(std::make_unique<Options>(first));
    result[1].set_options(std::make_unique<Options>(second));
    return result;
  };
  Optimizer own(groups(net), first), plain(groups(twin), first);
  auto [model, optimizer] = accelerator.prepare(net, own);
  ASSERT_TRUE(optimizer.is_fused());
  for (int step = 0; step < 20; ++step) {
    const at::Tensor batch = make_batch(step).to(accelerator.device());
    optimizer.zero_grad();
    accelerator.backward(model(batch).square().mean());
    const at::Tensor norm = accelerator.clip_grad_norm(model, 0.05);
    optimizer.step();
    plain.zero_grad();
    twin->forward(batch).square().mean().backward();
    const double expected = torch::nn::utils::clip_grad_norm_(twin->parameters(), 0.05);
    plain.step();
    EXPECT_EQ(norm.device(), accelerator.device());
    EXPECT_NEAR(norm.template item<double>(), expected, 1e-5 * expected);
  }
  const auto ours = values_of(*net), theirs = values_of(*twin);
  for (size_t i = 0; i < ours.size(); ++i)
    EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-4, 1e-5)) << i;
}

TYPED_TEST(OnDevices, StepAsLibTorchDoes) {
  expect_steps_of<TypeParam, AdamW>(AdamWOptions(1e-2),
                                    AdamWOptions(1e-2).weight_decay(0).amsgrad(true));
  expect_steps_of<TypeParam, SGD>(SGDOptions(0.1).momentum(0.9).dampening(0.1),
                                  SGDOptions(0.1).weight_decay(0.1));
}

TYPED_TEST(OnDevices, StepAsRmsPropAdagradAndLionDo) {
  expect_steps_of<TypeParam, RMSprop>(RMSpropOptions(1e-2).momentum(0.9).eps(1e-4),
                                      RMSpropOptions(1e-2).centered(true).eps(1e-4));
  expect_steps_of<TypeParam, Adagrad>(AdagradOptions(1e-2).initial_accumulator_value(0.1),
                                      AdagradOptions(1e-2).lr_decay(0.1).weight_decay(0.1));
  expect_steps_of<TypeParam, Lion>(LionOptions(1e-3), LionOptions(1e-3).weight_decay(0.5));
}

// Adagrad makes its state when it is made, before the model moves.
TYPED_TEST(OnDevices, TakeTheStateAlong) {
  Accelerator<TypeParam, Fp32> accelerator;
  auto net = one_weight();
  Adagrad adagrad(net->parameters(), AdagradOptions(0.5).initial_accumulator_value(3));
  auto [model, optimizer] = accelerator.prepare(net, adagrad);
  const double before = net->weight.template item<double>();
  accelerator.backward(model(torch::ones({1, 1}, accelerator.device())).sum());
  optimizer.step();
  // By lr * gradient / sqrt(3 + gradient^2).
  EXPECT_NEAR(net->weight.template item<double>(), before - 0.25, 1e-6);
  EXPECT_TRUE(optimizer.is_fused());
  const auto& state = static_cast<const torch::optim::AdagradParamState&>(
      *optimizer.unwrap().state().at(net->weight.unsafeGetTensorImpl()));
  EXPECT_EQ(state.sum().device(), accelerator.device());
}

TYPED_TEST(OnDevices, CountNoSkippedStep) {
  Accelerator<TypeParam, Fp16> accelerator;
  auto net = one_weight();
  AdamW adamw(net->parameters(), AdamWOptions(1e-2));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  for (const double factor : {0.01, double{INFINITY}, 0.01, double{INFINITY}, double{INFINITY}}) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({1, 1}, accelerator.device())).sum() * factor);
    optimizer.step();
  }
  auto& state = static_cast<torch::optim::AdamWParamState&>(
      *optimizer.unwrap().state().at(net->weight.unsafeGetTensorImpl()));
  EXPECT_EQ(state.step(), 2);
}

// On a GPU a schedule learns of a skipped step when the next one has been made.
TYPED_TEST(OnDevices, KeepSchedulesBackForSkippedSteps) {
  Accelerator<TypeParam, Fp16> accelerator;
  auto net = one_weight();
  SGD sgd(net->parameters(), SGDOptions(1.0));
  LambdaLR rates(sgd, [](int64_t step) { return std::pow(0.5, static_cast<double>(step)); });
  auto [model, optimizer, scheduler] = accelerator.prepare(net, sgd, rates);
  std::vector<int64_t> counts;
  for (const double factor : {double{INFINITY}, 1.0, 1.0, double{INFINITY}, 1.0, 1.0}) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({1, 1}, accelerator.device())).sum() * factor);
    optimizer.step();
    scheduler.step();
    counts.push_back(rates.step_count() - 1);
  }
  const bool on_gpu = accelerator.device().is_cuda();
  EXPECT_EQ(counts, on_gpu ? (std::vector<int64_t>{1, 1, 2, 3, 3, 4})
                           : (std::vector<int64_t>{0, 1, 2, 2, 3, 4}));
}

TYPED_TEST(OnDevices, MakeClippedAndUnscaledGradientsVisible) {
  Accelerator<TypeParam, Fp16> accelerator;
  auto net = one_weight();
  SGD sgd(net->parameters(), SGDOptions(0.0));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.backward(model(torch::full({1, 1}, 0.5, accelerator.device())).sum() * 0.5);
  EXPECT_NEAR(accelerator.clip_grad_norm(model, 0.125).template item<double>(), 0.25, 1e-5);
  EXPECT_EQ(net->weight.grad().template item<double>(), 0.25 * 65536);
  accelerator.unscale_gradients();
  EXPECT_NEAR(net->weight.grad().template item<double>(), 0.125, 1e-5);
  // More is added, to what is clipped by now and of its scale again.
  optimizer.step();
  accelerator.backward(model(torch::full({1, 1}, 0.5, accelerator.device())).sum() * 0.5);
  accelerator.unscale_gradients();
  EXPECT_NEAR(net->weight.grad().template item<double>(), 0.375, 1e-5);
}

TYPED_TEST(OnDevices, TakeAModelThatIsPreparedAfterItsOptimizer) {
  Accelerator<TypeParam, Fp32> accelerator;
  auto net = one_weight();
  SGD sgd(net->parameters(), SGDOptions(0.5));
  auto [optimizer, model] = accelerator.prepare(sgd, net);
  const double before = net->weight.template item<double>();
  accelerator.backward(model(torch::ones({1, 1}, accelerator.device())).sum());
  optimizer.step();
  EXPECT_NEAR(net->weight.template item<double>(), before - 0.5, 1e-6);
  EXPECT_TRUE(optimizer.is_fused());
}

}  // namespace
}  // namespace accelerate
