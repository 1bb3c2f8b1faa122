// A program that trains in parts: the same numbers as where every process has all of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/optim/lion.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;
using torch::optim::Optimizer;
using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(std::vector<at::Tensor>)>;

// Parameters of many sizes: scalars, one of no elements, and two that no part holds whole.
struct MixedImpl : torch::nn::Module {
  MixedImpl() {
    first = register_module("first", torch::nn::Linear(6, 37));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({37})));
    last = register_module("last", torch::nn::Linear(37, 3));
    scale = register_parameter("scale", torch::ones({}));
    nothing = register_parameter("nothing", torch::ones({0, 4}));
  }
  at::Tensor forward(const at::Tensor& x) {
    return last(torch::tanh(norm(first(x)))) * scale + nothing.sum();
  }
  torch::nn::Linear first{nullptr}, last{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  at::Tensor scale, nothing;
};
TORCH_MODULE(Mixed);

// Copies of a model's parameters.
std::vector<at::Tensor> values_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> values;
  for (const at::Tensor& each : module.parameters()) values.push_back(each.detach().clone());
  return values;
}

template <class Options, class Type>
MakeOptimizer maker(Options options) {
  return [options](std::vector<at::Tensor> parameters) {
    return std::make_unique<Type>(std::move(parameters), options);
  };
}

std::unique_ptr<Optimizer> make_adamw(std::vector<at::Tensor> parameters) {
  return std::make_unique<torch::optim::AdamW>(std::move(parameters),
                                               torch::optim::AdamWOptions(0.01).weight_decay(0.1));
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

void expect_equal(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_TRUE(one[i].equal(other[i])) << i << ": " << one[i] << " beside " << other[i];
}

void expect_near(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_TRUE(torch::allclose(one[i], other[i], 1e-5, 1e-6)) << i;
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

struct Zero2 : testing::Test {
  Accelerator<Zero2Cpu, Fp32> accelerator;
  Mixed net;
  torch::optim::AdamW adamw{net->parameters(), torch::optim::AdamWOptions(0.01)};

  at::Tensor batch() const { return torch::ones({4, 6}) * (accelerator.process_index() + 1); }
};

TEST_F(Zero2, RefusesAPassInNoSyncOverParts) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  auto scope = accelerator.no_sync(model);
  const at::Tensor loss = model(batch()).sum();
  EXPECT_THAT(message_of([&] { accelerator.backward(loss); }), HasSubstr("call zero_grad()"));
}

TEST_F(Zero2, RefusesAPlainBackwardOverParts) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  const at::Tensor loss = model(batch()).sum();
  EXPECT_THAT(message_of([&] { loss.backward(); }), HasSubstr("cut over the processes"));
}

// ---- What a program sees

TEST_F(Zero2, DoesNotShowAPartForAGradient) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  const at::Tensor& gradient = net->first->weight.grad();
  EXPECT_EQ(gradient.sizes(), net->first->weight.sizes());
  const std::vector<std::function<void()>> uses = {
      [&] { gradient.sum(); },   [&] { (gradient + 1).sum(); },
      [&] { gradient.mul_(2); }, [&] { gradient.data_ptr<float>(); },
      [&] { gradient.norm(); },  [&] { gradient.clone(); },
      [&] { gradient.item(); },  [&] { adamw.zero_grad(/*set_to_none=*/false); }};
  for (size_t i = 0; i + 2 < uses.size(); ++i) {
    EXPECT_THAT(message_of(uses[i]), HasSubstr("the gradient of `first.weight` is cut")) << i;
  }
  EXPECT_THAT(message_of(uses.back()), HasSubstr("is cut over the processes"));
}

TEST_F(Zero2, GathersWholeGradients) {
  const auto gradients = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(3);
    Mixed net;
    auto model = accelerator.prepare(net);
    torch::manual_seed(accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
    std::vector<at::Tensor> result;
    for (const at::Tensor& each : net->parameters())
      result.push_back(accelerator.whole_gradient(each).clone());
    return result;
  };
  expect_equal(gradients.template operator()<Zero2Cpu>(),
               gradients.template operator()<MultiCpu>());
}

TEST_F(Zero2, TakesAGradientOfTheProgramsOwn) {
  const auto after = []<class Strategy>() {
    return train<Accelerator<Strategy, Fp32>>({}, [](auto& accelerator, Mixed& net, auto&) {
      at::Tensor& gradient = net->first->weight.mutable_grad();
      gradient = accelerator.whole_gradient(net->first->weight).sign();
    });
  };
  expect_equal(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

TEST_F(Zero2, RefusesToSaveAPartOfTheMoments) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  optimizer.step();
  std::stringstream saved;
  EXPECT_THAT(message_of([&] { torch::save(adamw, saved); }), HasSubstr("save_state()"));
}

TEST_F(Zero2, RefusesParametersThatLieInOneMemory) {
  torch::nn::Linear one(4, 4), other(4, 4);
  torch::nn::Sequential both(one, other);
  other->weight.set_data(one->weight.detach());
  torch::optim::SGD sgd(both->parameters(), torch::optim::SGDOptions(0.1));
  auto [model, optimizer] = accelerator.prepare(both, sgd);
  accelerator.backward(model(torch::ones({2, 4})).sum());
  EXPECT_THAT(message_of([&, &optimizer = optimizer] { optimizer.step(); }),
              HasSubstr("lie in one memory"));
  // Nothing is left half done.
  EXPECT_EQ(one->weight.sizes(), (std::vector<int64_t>{4, 4}));
}

TEST_F(Zero2, StepsWithAGradientThatWasKept) {
  const auto after = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(3);
    Mixed net;
    torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    const at::Tensor x = torch::randn({4, 6}) + accelerator.process_index();
    accelerator.backward(model(x).square().mean());
    std::vector<at::Tensor> kept;
    for (at::Tensor& each : net->parameters()) {
      kept.push_back(kept.size() % 2 == 0 ? each.grad() : each.grad().detach());
      each.mutable_grad() = at::Tensor();
    }
    accelerator.backward(model(2 * x).sin().mean());
    for (size_t i = 0; i < kept.size(); ++i) net->parameters()[i].mutable_grad() = kept[i];
    optimizer.step();
    return values_of(*net);
  };
  expect_equal(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

// The weight is a mapping of the program's, and comes to lie otherwise.
TEST_F(Zero2, FollowsTheOrderOfElements) {
  const auto after = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(3);
    torch::nn::Conv2d net(torch::nn::Conv2dOptions(3, 4, 2));
    auto adamw = make_adamw(net->parameters());
    auto [model, optimizer] = accelerator.prepare(net, *adamw);
    std::vector<at::Tensor> held;
    for (int step = 0; step < 6; ++step) {
      if (step == 2 || step == 4) {
        held.push_back(net->weight.detach());
        const auto order =
            step == 2 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
        net->weight.set_data(net->weight.detach().clone(order));
      }
      torch::manual_seed(step + 100 * accelerator.process_index());
      accelerator.backward(model(torch::randn({2, 3, 4, 4})).square().mean());
      optimizer.step();
      optimizer.zero_grad();
    }
    return std::vector<at::Tensor>{net->weight.detach().clone(), net->bias.detach().clone()};
  };
  expect_near(after.template operator()<Zero2Cpu>(), after.template operator()<MultiCpu>());
}

TEST_F(Zero2, HasWholeParametersAndPartsOfMoments) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  optimizer.step();
  int64_t all = 0;
  for (const at::Tensor& parameter : net->parameters()) {
    all += 2 * static_cast<int64_t>(parameter.nbytes());
    if (parameter.numel() == 0) continue;
    const auto& state = static_cast<const torch::optim::AdamWParamState&>(
        *adamw.state().at(parameter.unsafeGetTensorImpl()));
    EXPECT_EQ(state.exp_avg().sizes(), parameter.sizes());
    EXPECT_THAT(message_of([&] { state.exp_avg().sum(); }), HasSubstr("save_state()"));
  }
  const int64_t own = accelerator.memory().bytes_of(MemoryKind::kOptimizer);
  EXPECT_EQ(accelerator.reduce(own, ReduceOp::kSum), all);
  EXPECT_LE(own, all / accelerator.num_processes() + 2 * 64 * 6);
  EXPECT_EQ(net->first->weight.sizes(), (std::vector<int64_t>{37, 6}));
}

TEST_F(Zero2, RefusesOptimizersThatLookAtWholeParameters) {
  torch::optim::LBFGS lbfgs(net->parameters());
  EXPECT_THAT(message_of([&] { std::ignore = accelerator.prepare(net, lbfgs); }),
              HasSubstr("LBFGS"));
}

TEST_F(Zero2, RefusesUnevenInputs) {
  EXPECT_THAT(message_of([&] { std::ignore = accelerator.join_uneven_inputs(); }),
              HasSubstr("even_batches"));
}

TEST_F(Zero2, RefusesSparseGradients) {
  torch::nn::Embedding embedding(torch::nn::EmbeddingOptions(8, 3).sparse(true));
  auto model = accelerator.prepare(embedding);
  const at::Tensor loss = model(torch::tensor({1, 2})).sum();
  EXPECT_THAT(message_of([&] { accelerator.backward(loss); }),
              HasSubstr("make its embedding dense"));
}

// ---- What changes under way

template <class Strategy>
std::vector<at::Tensor> after_thawing() {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  Mixed net;
  for (at::Tensor& each : net->first->parameters()) each.set_requires_grad(false);
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  for (int step = 0; step < 8; ++step) {
    if (step == 3)
      for (at::Tensor& each : net->first->parameters()) each.set_requires_grad(true);
    torch::manual_seed(step + 100 * accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
    // Between a pass and its step.
    if (step == 5) net->norm->weight.set_requires_grad(false);
    if (step == 6) net->norm->weight.set_requires_grad(true);
    optimizer.step();
    optimizer.zero_grad();
  }
  return values_of(*net);
}

TEST(ShardedTraining, GoesOnWhenALayerIsThawed) {
  const auto whole = after_thawing<MultiCpu>();
  expect_equal(after_thawing<Zero1Cpu>(), whole);
  expect_equal(after_thawing<Zero2Cpu>(), whole);
}

template <class Strategy>
std::vector<at::Tensor> after_a_game() {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  torch::nn::Linear maker(4, 6), judge(6, 1);
  torch::optim::Adam makers(maker->parameters(), torch::optim::AdamOptions(0.01));
  torch::optim::Adam judges(judge->parameters(), torch::optim::AdamOptions(0.01));
  auto [making, judging, make_step, judge_step] = accelerator.prepare(maker, judge, makers, judges);
  for (int step = 0; step < 6; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    const at::Tensor made = making(torch::randn({3, 4}));
    accelerator.backward(torch::sigmoid(judging(made.detach())).mean());
    judge_step.step();
    judge_step.zero_grad();
    accelerator.backward(-torch::sigmoid(judging(made)).mean());
    make_step.step();
    make_step.zero_grad();
    judge_step.zero_grad();
  }
  return {maker->weight.detach().clone(), judge->weight.detach().clone()};
}

TEST(ShardedTraining, TrainsTwoModelsInTurn) {
  const auto whole = after_a_game<MultiCpu>();
  expect_equal(after_a_game<Zero1Cpu>(), whole);
  expect_equal(after_a_game<Zero2Cpu>(), whole);
}

template <class Strategy>
std::vector<at::Tensor> after_using_parts_of_the_model() {
  Accelerator<Strategy, Fp32> accelerator({.gradients = {.find_unused_parameters = true}});
  torch::manual_seed(3);
  torch::nn::Sequential net(torch::nn::Linear(4, 4), torch::nn::Linear(4, 4));
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  for (int step = 0; step < 6; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    const size_t used = (step + accelerator.process_index()) % 2;
    const bool alone = step % 3 == 2;
    accelerator.backward(net[alone ? 0 : used]
                             ->template as<torch::nn::Linear>()
                             ->forward(torch::randn({3, 4}))
                             .square()
                             .mean());
    optimizer.step();
    optimizer.zero_grad();
  }
  return values_of(*net);
}

TEST(ShardedTraining, TakesZerosForWhatOneRankDoesNotUse) {
  const auto whole = after_using_parts_of_the_model<MultiCpu>();
  expect_equal(after_using_parts_of_the_model<Zero1Cpu>(), whole);
  expect_equal(after_using_parts_of_the_model<Zero2Cpu>(), whole);
}

template <class Strategy>
std::vector<at::Tensor> after_training_memory_of_others() {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  Mixed net;
  std::vector<float> mapped(37 * 6, 0.5F);
  net->first->weight.set_data(torch::from_blob(mapped.data(), {37, 6}));
  const at::Tensor view = net->last->weight.detach().view({-1});
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  for (int step = 0; step < 4; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
    optimizer.step();
    optimizer.zero_grad();
  }
  EXPECT_EQ(mapped[5], net->first->weight.view({-1})[5].template item<float>());
  EXPECT_TRUE(view.equal(net->last->weight.detach().view({-1})));
  return values_of(*net);
}

TEST(ShardedTraining, LeavesMemoryOfOthersInItsPlace) {
  const auto whole = after_training_memory_of_others<MultiCpu>();
  expect_equal(after_training_memory_of_others<Zero1Cpu>(), whole);
  expect_equal(after_training_memory_of_others<Zero2Cpu>(), whole);
}

template <class Strategy>
std::vector<at::Tensor> after_loading(bool whole_state) {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  Mixed net;
  auto adamw = make_adamw(net->parameters());
  // Steps of plain LibTorch, whose state is whole.
  for (int step = 0; whole_state && step < 2; ++step) {
    torch::manual_seed(step);
    net->forward(torch::randn({4, 6})).square().mean().backward();
    adamw->step();
    adamw->zero_grad();
  }
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  for (int step = 0; step < 4; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
    optimizer.step();
    optimizer.zero_grad();
  }
  return values_of(*net);
}

TEST(ShardedTraining, GoesOnFromAStateThatWasMadeWhole) {
  for (const bool whole_state : {false, true}) {
    const auto whole = after_loading<MultiCpu>(whole_state);
    expect_equal(after_loading<Zero1Cpu>(whole_state), whole);
    expect_equal(after_loading<Zero2Cpu>(whole_state), whole);
  }
}

// ---- Checkpoints

struct SavedRun {
  explicit SavedRun(uint64_t seed) {
    torch::manual_seed(seed);
    net = Mixed();
    adamw = make_adamw(net->parameters());
  }
  template <class Accelerator>
  void train(Accelerator& accelerator, int from, int to) {
    auto [model, optimizer] = accelerator.prepare(net, *adamw);
    if (from > 0) accelerator.load_state(folder);
    for (int step = from; step < to; ++step) {
      torch::manual_seed(step + 100 * accelerator.process_index());
      accelerator.backward(model(torch::randn({4, 6})).square().mean());
      optimizer.step();
      optimizer.zero_grad();
    }
    if (from > 0) return;
    std::string own = testing::TempDir() + "/sharded_XXXXXX";
    if (accelerator.is_main_process()) own = mkdtemp(own.data());
    folder = accelerator.broadcast(own) + "/checkpoint";
    accelerator.save_state(folder);
    accelerator.wait_for_checkpoint();
  }
  std::vector<at::Tensor> parameters() const { return values_of(*net); }

  Mixed net{nullptr};
  std::unique_ptr<Optimizer> adamw;
  std::string folder;
};

template <class From, class To>
void expect_goes_on(const std::vector<at::Tensor>& unbroken) {
  SavedRun first(3), second(4);
  {
    Accelerator<From, Fp32> accelerator;
    first.train(accelerator, 0, 3);
  }
  second.folder = first.folder;
  Accelerator<To, Fp32> accelerator;
  second.train(accelerator, 3, 6);
  expect_equal(second.parameters(), unbroken);
}

TEST(ShardedCheckpoints, GoOnWithAnyStrategy) {
  SavedRun run(3);
  Accelerator<MultiCpu, Fp32> accelerator;
  run.train(accelerator, 0, 6);
  const auto unbroken = run.parameters();
  expect_goes_on<Zero2Cpu, Zero2Cpu>(unbroken);
  expect_goes_on<Zero2Cpu, MultiCpu>(unbroken);
  expect_goes_on<MultiCpu, Zero1Cpu>(unbroken);
  expect_goes_on<Zero1Cpu, Zero2Cpu>(unbroken);
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ShardedCheckpoints, AreTheFilesOfAveragedTraining) {
  SavedRun whole(3), parts(3);
  Accelerator<MultiCpu, Fp32> averaged;
  whole.train(averaged, 0, 3);
  Accelerator<Zero2Cpu, Fp32> sharded;
  parts.train(sharded, 0, 3);
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors"})
    EXPECT_TRUE(bytes_of(parts.folder + file) == bytes_of(whole.folder + file)) << file;
}

// ---- Passes that fail

struct Failing : torch::autograd::Function<Failing> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x) {
    return x.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list&) {
    throw std::runtime_error("a backward pass that fails");
  }
};

// Half of the model's gradients are there when it fails.
template <class Strategy>
std::vector<at::Tensor> after_a_failure() {
  Accelerator<Strategy, Fp32> accelerator(
      {.gradients = {.bucket_cap_mb = 1e-6, .first_bucket_mb = 1e-6}});
  torch::manual_seed(3);
  torch::nn::Linear first(4, 4), last(4, 4);
  torch::nn::Sequential net(first, last);
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  for (int step = 0; step < 4; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    const at::Tensor x = torch::randn({3, 4});
    if (step == 2) {
      const at::Tensor loss = last(Failing::apply(first(x))).square().mean();
      EXPECT_ANY_THROW(accelerator.backward(loss));
      optimizer.zero_grad();
    }
    accelerator.backward(model(x).square().mean());
    optimizer.step();
    optimizer.zero_grad();
  }
  return {first->weight.detach().clone(), last->weight.detach().clone()};
}

TEST(ShardedTraining, GoesOnAfterAPassThatFailed) {
  const auto whole = after_a_failure<MultiCpu>();
  expect_equal(after_a_failure<Zero1Cpu>(), whole);
  expect_equal(after_a_failure<Zero2Cpu>(), whole);
}

TEST(ShardedTraining, NamesAParameterThatSomeRanksUse) {
  Accelerator<Zero2Cpu, Fp32> accelerator;
  torch::nn::Sequential net(torch::nn::Linear(4, 4), torch::nn::Linear(4, 4));
  auto model = accelerator.prepare(net);
  const size_t used = accelerator.is_main_process() ? 0 : 1;
  const at::Tensor loss =
      net[used]->as<torch::nn::Linear>()->forward(torch::ones({3, 4})).square().mean();
  const std::string message = message_of([&] { accelerator.backward(loss); });
  EXPECT_THAT(message, HasSubstr("find_unused_parameters"));
}

}  // namespace
}  // namespace accelerate
