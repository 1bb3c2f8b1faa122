// A program that trains in parts: the same numbers as where every process has all of it.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/optim/lion.h"
#include "accelerate/sharding/sharded_test_model.h"

namespace accelerate {
namespace {

using torch::optim::Optimizer;
using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(std::vector<at::Tensor>)>;

template <class Options, class Type>
MakeOptimizer maker(Options options) {
  return [options](std::vector<at::Tensor> parameters) {
    return std::make_unique<Type>(std::move(parameters), options);
  };
}

struct Training {
  MakeOptimizer make_optimizer = make_adamw;
  AcceleratorOptions options = {};
  double clip = 0;
  int steps = 6;
};

// What is left of a training in parameters, and in losses.
template <class Accelerator, class Step>
std::vector<at::Tensor> train(const Training& training, Step&& around) {
  Accelerator accelerator(training.options);
  torch::manual_seed(3);
  Mixed net;
  auto own = training.make_optimizer(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *own);
  std::vector<at::Tensor> result;
  for (int step = 0; step < training.steps; ++step) {
    torch::manual_seed(100 * step + accelerator.process_index());
    auto scope = accelerator.accumulate(model);
    const at::Tensor loss = model(torch::randn({4, 6})).square().mean();
    accelerator.backward(loss);
    if (training.clip > 0) result.push_back(accelerator.clip_grad_norm(model, training.clip));
    around(accelerator, net, optimizer);
    optimizer.step();
    optimizer.zero_grad();
    result.push_back(loss.detach());
  }
  for (const at::Tensor& parameter : net->parameters())
    result.push_back(parameter.detach().clone());
  return result;
}

template <class Accelerator>
std::vector<at::Tensor> train(const Training& training) {
  return train<Accelerator>(training, [](auto&...) {});
}
template <class Precision>
void expect_same_bits(const Training& training) {
  const auto whole = train<Accelerator<MultiCpu, Precision>>(training);
  expect_equal(train<Accelerator<Zero1Cpu, Precision>>(training), whole);
  expect_equal(train<Accelerator<Zero2Cpu, Precision>>(training), whole);
}

TEST(ShardedTraining, HasTheBitsOfAveragedTraining) {
  expect_same_bits<Fp32>({});
  expect_same_bits<Bf16>({});
  expect_same_bits<Fp16>({});
}

TEST(ShardedTraining, HasThemWithEveryOptimizer) {
  using namespace torch::optim;  // NOLINT: five classes and their options
  const std::vector<MakeOptimizer> makers = {
      maker<AdamOptions, Adam>(AdamOptions(0.01).amsgrad(true)),
      maker<SGDOptions, SGD>(SGDOptions(0.1)),
      maker<SGDOptions, SGD>(SGDOptions(0.1).momentum(0.9).nesterov(true)),
      maker<RMSpropOptions, RMSprop>(RMSpropOptions(0.01).centered(true).momentum(0.5)),
      maker<AdagradOptions, Adagrad>(AdagradOptions(0.01).initial_accumulator_value(0.1)),
      maker<LionOptions, Lion>(LionOptions(0.01))};
  for (const MakeOptimizer& make : makers) expect_same_bits<Fp32>({.make_optimizer = make});
}

TEST(ShardedTraining, HasThemInUnitsOfAnySize) {
  for (const double cap : {1e-6, 1e-4, 25.0}) {
    expect_same_bits<Fp32>(
        {.options = {.gradients = {.bucket_cap_mb = cap, .first_bucket_mb = cap}}});
    expect_same_bits<Fp32>({.options = {.gradients = {.bucket_cap_mb = cap, .overlap = false}}});
  }
}

TEST(ShardedTraining, HasThemWithGradientsThatTravelInHalf) {
  expect_same_bits<Fp32>({.options = {.gradients = {.compression = GradientCompression::kBf16}}});
}

TEST(ShardedTraining, StepsParametersOfOtherTypes) {
  const auto after = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(1);
    torch::nn::Sequential net(torch::nn::Linear(5, 9), torch::nn::Linear(9, 2));
    net[0]->to(at::kBFloat16);
    net[1]->to(at::kDouble);
    torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(0.01));
    auto [model, optimizer] = accelerator.prepare(net, adamw);
    for (int step = 0; step < 4; ++step) {
      torch::manual_seed(10 * step + accelerator.process_index());
      const at::Tensor inner =
          net[0]->as<torch::nn::Linear>()->forward(torch::randn({3, 5}, at::kBFloat16));
      accelerator.backward(
          net[1]->as<torch::nn::Linear>()->forward(inner.to(at::kDouble)).square().mean());
      optimizer.step();
      optimizer.zero_grad();
    }
    return values_of(*net);
  };
  expect_equal(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

TEST(ShardedTraining, AveragesWhatCannotBeCut) {
  const auto after = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(1);
    torch::nn::Linear net(5, 3);
    auto phase = net->register_parameter("phase", torch::ones({3}, at::kComplexFloat));
    torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    for (int step = 0; step < 4; ++step) {
      torch::manual_seed(10 * step + accelerator.process_index());
      accelerator.backward((model(torch::randn({2, 5})) * phase).abs().square().mean());
      accelerator.unscale_gradients();
      optimizer.step();
      optimizer.zero_grad();
    }
    return values_of(*net);
  };
  expect_equal(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

TEST(ShardedTraining, TakesAGradientOfTheProgramsOwn) {
  const auto after = []<class Strategy>() {
    return train<Accelerator<Strategy, Fp32>>({}, [](auto& accelerator, Mixed& net, auto&) {
      at::Tensor& gradient = net->first->weight.mutable_grad();
      gradient = accelerator.whole_gradient(net->first->weight).sign();
    });
  };
  expect_equal(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

// ---- Clipping and the loss scale

TEST(ShardedTraining, ClipsByTheNormOfAllParts) {
  for (const double clip : {0.05, 1e9}) {
    const auto whole = train<Accelerator<MultiCpu, Fp32>>({.clip = clip});
    const auto parts = train<Accelerator<Zero2Cpu, Fp32>>({.clip = clip});
    expect_near(parts, whole);
    expect_near(train<Accelerator<Zero1Cpu, Fp32>>({.clip = clip}), whole);
    Accelerator<MultiCpu, Fp32> accelerator;
    const at::Tensor norms = accelerator.gather(parts.front());
    EXPECT_TRUE(norms.eq(norms[0]).all().item<bool>()) << norms;
  }
}

TEST(ShardedTraining, KnowsOtherNormsOfAllParts) {
  for (const double type : {1.0, 3.0, std::numeric_limits<double>::infinity()}) {
    const auto norm = [type]<class Strategy>() {
      Accelerator<Strategy, Fp32> accelerator;
      torch::manual_seed(3);
      Mixed net;
      torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
      auto [model, optimizer] = accelerator.prepare(net, sgd);
      torch::manual_seed(accelerator.process_index());
      accelerator.backward(model(torch::randn({4, 6})).square().mean());
      return accelerator.clip_grad_norm(model, 1, type).template item<double>();
    };
    const double whole = norm.template operator()<MultiCpu>();
    EXPECT_NEAR(norm.template operator()<Zero2Cpu>(), whole, 1e-5 * whole);
  }
}

// The gradient of one element on one rank is not finite.
template <class Strategy>
std::vector<double> scales_with_an_overflow(bool fused) {
  Accelerator<Strategy, Fp16> accelerator({.loss_scale = {.growth_interval = 3}});
  torch::manual_seed(3);
  torch::nn::Linear net(7, 5);
  if (!fused) net->to(at::kBFloat16);
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  std::vector<double> result;
  for (int step = 0; step < 8; ++step) {
    at::Tensor loss = net->weight.to(at::kFloat).square().mean();
    if (step % 4 == 1 && accelerator.is_last_process())
      loss = loss + net->weight[4][6].to(at::kFloat) * std::numeric_limits<float>::infinity();
    accelerator.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
    result.push_back(accelerator.loss_scale());
    result.push_back(optimizer.step_was_skipped());
  }
  result.push_back(net->weight.to(at::kDouble).sum().template item<double>());
  return result;
}

TEST(ShardedTraining, SkipsAStepOnAllRanksWhereOnePartOverflows) {
  for (const bool fused : {true, false}) {
    const auto whole = scales_with_an_overflow<MultiCpu>(fused);
    EXPECT_EQ(scales_with_an_overflow<Zero1Cpu>(fused), whole);
    EXPECT_EQ(scales_with_an_overflow<Zero2Cpu>(fused), whole);
  }
}

// ---- Several passes for one step

TEST(ShardedTraining, AccumulatesAsAveragedTrainingDoes) {
  const Training training{.options = {.gradient_accumulation_steps = 4}, .steps = 12};
  const auto whole = train<Accelerator<MultiCpu, Fp32>>(training);
  expect_near(train<Accelerator<Zero1Cpu, Fp32>>(training), whole);
  expect_near(train<Accelerator<Zero2Cpu, Fp32>>(training), whole);
}

template <class Strategy>
std::vector<at::Tensor> after_passes_in_scopes(bool set_to_none) {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  Mixed net;
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  const auto pass = [&, &model = model](int seed) {
    torch::manual_seed(10 * seed + accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
  };
  for (int step = 0; step < 3; ++step) {
    {
      auto scope = accelerator.no_sync(model);
      pass(3 * step);
      pass(3 * step + 1);
    }
    pass(3 * step + 2);
    // Once more before the step.
    pass(3 * step + 50);
    optimizer.step();
    optimizer.zero_grad(set_to_none);
  }
  return values_of(*net);
}

TEST(ShardedTraining, AddsUpPassesInAndOutOfNoSync) {
  for (const bool set_to_none : {true, false}) {
    const auto whole = after_passes_in_scopes<MultiCpu>(set_to_none);
    expect_near(after_passes_in_scopes<Zero1Cpu>(set_to_none), whole);
    expect_near(after_passes_in_scopes<Zero2Cpu>(set_to_none), whole);
  }
}

}  // namespace
}  // namespace accelerate
