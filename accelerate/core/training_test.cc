// Runs on one process and on four; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

at::Tensor all_parameters(const torch::nn::Module& module) {
  std::vector<at::Tensor> pieces;
  for (const auto& parameter : module.parameters())
    pieces.push_back(parameter.detach().reshape(-1).to(at::kDouble));
  return torch::cat(pieces);
}

// ---- The promise: several processes train as one would with their batches together.

template <class Optimizer, class Options>
void expect_equal_training(at::ScalarType type, Options options, double tolerance, bool split,
                           bool shuffle) {
  Full accelerator({.split_batches = split});
  const int processes = accelerator.num_processes();
  const Line data(32 * processes, type);
  const DataLoaderOptions loading{
      .batch_size = split ? 8 * processes : 8, .shuffle = shuffle, .seed = 7};

  torch::manual_seed(42);
  auto net = small_net(type);
  auto reference = small_net(type);
  copy_parameters(*net, *reference);
  Optimizer own(net->parameters(), options), reference_optimizer(reference->parameters(), options);
  auto [model, optimizer, loader] = accelerator.prepare(net, own, DataLoader(data, loading));
  DataLoaderOptions whole = loading;
  whole.batch_size = 8 * processes;
  DataLoader reference_loader(data, whole);

  for (int epoch = 0; epoch < 3; ++epoch) {
    for (auto& batch : loader) {
      optimizer.zero_grad();
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      optimizer.step();
    }
    for (auto& batch : reference_loader) {
      reference_optimizer.zero_grad();
      torch::mse_loss(reference->forward(batch.data), batch.target).backward();
      reference_optimizer.step();
    }
  }
  const at::Tensor found = all_parameters(*net), expected = all_parameters(*reference);
  EXPECT_TRUE(torch::allclose(found, expected, tolerance, tolerance))
      << (found - expected).abs().max();
}

TEST(Training, EqualsOneProcessWithSgdInFp32) {
  expect_equal_training<torch::optim::SGD>(at::kFloat, torch::optim::SGDOptions(0.1), 1e-6, false,
                                           false);
}
TEST(Training, EqualsOneProcessWithSplitBatches) {
  expect_equal_training<torch::optim::SGD>(at::kFloat, torch::optim::SGDOptions(0.1), 1e-6, true,
                                           true);
}
TEST(Training, EqualsOneProcessWithAdamWInFp64) {
  expect_equal_training<torch::optim::AdamW>(at::kDouble, torch::optim::AdamWOptions(0.01), 1e-12,
                                             false, true);
}

TEST(Training, StartsFromRankZerosParametersAndBuffers) {
  Full accelerator;
  torch::manual_seed(100 + accelerator.process_index());
  auto net = torch::nn::Sequential(torch::nn::Linear(4, 4), torch::nn::BatchNorm1d(4));
  net->buffers()[0].fill_(accelerator.process_index());
  auto model = accelerator.prepare(net);
  const at::Tensor all = accelerator.gather(all_parameters(*net).view({1, -1}));
  for (int rank = 0; rank < accelerator.num_processes(); ++rank)
    EXPECT_TRUE(torch::equal(all[rank], all[0]));
  EXPECT_EQ(net->buffers()[0].sum().item<int>(), 0);
}

TEST(Training, KeepsBuffersEqualAndEvaluatesOnOneRankAlone) {
  Full accelerator;
  auto net = torch::nn::Sequential(torch::nn::Linear(3, 4), torch::nn::BatchNorm1d(4));
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  // The data differ, and so would the running statistics.
  torch::manual_seed(accelerator.process_index());
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::randn({8, 3})).square().mean());
    optimizer.step();
  }
  if (accelerator.is_main_process()) {
    model->eval();
    model(torch::randn({8, 3}));
    model->train();
  }
  // After the last step, too: what is measured over the ranks is measured of one model.
  const at::Tensor means = accelerator.gather(net->named_buffers()["1.running_mean"].view({1, -1}));
  EXPECT_NE(means[0].abs().sum().item<double>(), 0);
  for (int rank = 0; rank < accelerator.num_processes(); ++rank)
    EXPECT_TRUE(torch::equal(means[rank], means[0]));
}

// Its statistics move without a gradient that could be averaged.
TEST(Training, KeepsBuffersOfAFrozenModelEqual) {
  Full accelerator;
  auto frozen = torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(3).affine(false));
  auto net = torch::nn::Linear(3, 4);
  auto [features, model] = accelerator.prepare(frozen, net);
  torch::manual_seed(accelerator.process_index());
  accelerator.backward(model(features(torch::randn({8, 3}))).square().mean());
  const at::Tensor means = accelerator.gather(frozen->running_mean.view({1, -1}));
  for (int rank = 0; rank < accelerator.num_processes(); ++rank)
    EXPECT_TRUE(torch::equal(means[rank], means[0]));
}

// A graph that is gone through twice has saved a buffer of the first time.
TEST(Training, LeavesBuffersToAGraphThatIsKept) {
  struct Scaled : torch::nn::Module {
    Scaled() : linear(register_module("linear", torch::nn::Linear(3, 3))) {
      scale = register_buffer("scale", torch::ones({3}));
    }
    at::Tensor forward(const at::Tensor& x) {
      {
        torch::NoGradGuard no_grad;
        scale.lerp_(x.abs().mean(0), 0.5);
      }
      return linear(x) * scale;
    }
    torch::nn::Linear linear;
    at::Tensor scale;
  };
  Full accelerator;
  auto net = std::make_shared<Scaled>();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  torch::manual_seed(accelerator.process_index());
  const at::Tensor output = model(torch::randn({4, 3}));
  const at::Tensor first = output.square().mean(), second = output.abs().mean();
  const at::Tensor own =
      torch::autograd::grad({first + second}, {net->linear->weight}, {}, /*retain_graph=*/true)[0];
  const at::Tensor expected = accelerator.reduce(own, ReduceOp::kMean);
  accelerator.backward(first, {.retain_graph = true});
  accelerator.backward(second);
  EXPECT_TRUE(torch::allclose(net->linear->weight.grad(), expected, 1e-4, 1e-6));
  const at::Tensor scales = accelerator.gather(net->scale.view({1, -1}));
  for (int rank = 0; rank < accelerator.num_processes(); ++rank)
    EXPECT_TRUE(torch::equal(scales[rank], scales[0]));
}

TEST(Training, AveragesWhatIsAddedUpOverSeveralBackwardPasses) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto model = accelerator.prepare(net);
  for (int pass = 1; pass <= 2; ++pass) {
    accelerator.backward(
        model(torch::full({1, 1}, 1.0 * pass * (accelerator.process_index() + 1))).sum());
  }
  EXPECT_FLOAT_EQ(net->weight.grad().item<float>(), 3 * (accelerator.num_processes() + 1) / 2.0f);
}

TEST(Training, LeavesAParameterThatNobodyUsedWithoutGradient) {
  Full accelerator;
  auto net = torch::nn::Sequential(torch::nn::Linear(2, 2), torch::nn::Linear(2, 2));
  auto model = accelerator.prepare(net);
  accelerator.backward(net[0]->as<torch::nn::Linear>()->forward(torch::ones({1, 2})).sum());
  EXPECT_TRUE(net->parameters()[0].grad().defined());
  EXPECT_FALSE(net->parameters()[2].grad().defined());
}

TEST(Training, NamesAParameterThatOnlySomeRanksUsed) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  auto net = torch::nn::Sequential(torch::nn::Linear(2, 2), torch::nn::Linear(2, 2));
  auto model = accelerator.prepare(net);
  const at::Tensor hidden = net[0]->as<torch::nn::Linear>()->forward(torch::ones({1, 2}));
  const bool uses_both = accelerator.process_index() == 1;
  const at::Tensor output = uses_both ? net[1]->as<torch::nn::Linear>()->forward(hidden) : hidden;
  const std::string message = message_of([&] { accelerator.backward(output.sum()); });
  EXPECT_THAT(message, HasSubstr("`1.weight` (on 1 of 4 processes)"));
}

TEST(Training, PassesOnRetainGraphAndCreateGraph) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  auto model = accelerator.prepare(net);
  const at::Tensor loss = model(torch::ones({1, 1})).square().sum();
  accelerator.backward(loss, {.retain_graph = true});
  accelerator.backward(loss, {.create_graph = true});
  EXPECT_THROW(accelerator.backward(torch::ones({2}).requires_grad_()), c10::Error);
}

// ---- Precision

struct Outputs {
  at::Tensor logits;
  std::vector<at::Tensor> hidden;
  at::Tensor indices;
};

struct ManyOutputsImpl : torch::nn::Module {
  ManyOutputsImpl() { linear = register_module("linear", torch::nn::Linear(2, 2)); }
  Outputs forward(const at::Tensor& x) {
    const at::Tensor y = linear(x);
    computed_in = y.scalar_type();
    return {y, {y, y}, y.argmax(1)};
  }
  torch::nn::Linear linear{nullptr};
  at::ScalarType computed_in = at::kFloat;
};
TORCH_MODULE(ManyOutputs);

template <class A>
void expect_computed_in(at::ScalarType type) {
  A accelerator;
  ManyOutputs net;
  auto model = accelerator.prepare(net);
  const Outputs outputs = model(torch::ones({1, 2}));
  EXPECT_EQ(net->computed_in, type);
  EXPECT_EQ(outputs.logits.scalar_type(), at::kFloat);
  EXPECT_EQ(outputs.hidden[1].scalar_type(), at::kFloat);
  EXPECT_EQ(outputs.indices.scalar_type(), at::kLong);
  accelerator.backward(outputs.logits.sum());
  EXPECT_EQ(net->linear->weight.grad().scalar_type(), at::kFloat);
  {
    const auto scope = accelerator.autocast();
    EXPECT_EQ(torch::ones({2, 2}).mm(torch::ones({2, 2})).scalar_type(), type);
  }
  EXPECT_EQ(torch::ones({2, 2}).mm(torch::ones({2, 2})).scalar_type(), at::kFloat);
}

TEST(Precision, ComputesInItsTypeAndReturnsFp32) {
  expect_computed_in<Full>(at::kFloat);
  expect_computed_in<BFloat>(at::kBFloat16);
  expect_computed_in<Half>(at::kHalf);
}

TEST(Precision, SkipsAStepWithAnOverflowAndHoldsTheSchedulerBack) {
  Half accelerator;
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  LambdaLR schedule(sgd, [](int64_t step) { return 1 - 0.01 * static_cast<double>(step); });
  auto [model, optimizer, scheduler] = accelerator.prepare(net, sgd, schedule);
  EXPECT_EQ(accelerator.loss_scale(), 65536);
  std::vector<bool> skipped;
  const int last = accelerator.num_processes() - 1;
  for (const double bad : {1.0, double(NAN), double(INFINITY), 1.0}) {
    optimizer.zero_grad();
    // Only the last rank's loss is bad; the gradients, once averaged, are so for all.
    // Times 0.01, as the scale alone is beyond the range of fp16.
    const double factor = accelerator.process_index() == last ? bad : 1.0;
    accelerator.backward(model(torch::ones({1, 1})).sum() * 0.01 * factor);
    const at::Tensor before = net->weight.detach().clone();
    optimizer.step();
    scheduler.step();
    skipped.push_back(accelerator.optimizer_step_was_skipped());
    EXPECT_EQ(torch::equal(before, net->weight), skipped.back());
    EXPECT_EQ(optimizer.step_was_skipped(), skipped.back());
  }
  EXPECT_EQ(skipped, (std::vector<bool>{false, true, true, false}));
  EXPECT_EQ(accelerator.loss_scale(), 16384);
  EXPECT_EQ(schedule.last_epoch(), 2 * accelerator.num_processes());
}

TEST(Precision, UnscalesBeforeTheOptimizerSteps) {
  Half accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double before = net->weight.item<double>();
  accelerator.backward(model(torch::full({1, 1}, 0.5)).sum() * 0.5);
  EXPECT_EQ(net->weight.grad().item<double>(), 0.25 * 65536);
  optimizer.step();
  EXPECT_FLOAT_EQ(net->weight.item<double>(), before - 0.25);
}

TEST(Precision, UnscalesASharedTensorOnce) {
  Half accelerator;
  auto shared = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto net = torch::nn::Sequential(shared, shared);
  torch::optim::SGD sgd(net->parameters(), 0.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  accelerator.backward(shared->forward(torch::ones({1, 1})).sum() * 0.25);
  accelerator.unscale_gradients();
  EXPECT_FLOAT_EQ(shared->weight.grad().item<float>(), 0.25);
  optimizer.step();
  EXPECT_FALSE(optimizer.step_was_skipped());
}

// ---- Schedulers

double rate_after_one_step(const AcceleratorOptions& options) {
  Full accelerator(options);
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  LambdaLR schedule(sgd, [](int64_t step) { return 1 - 0.1 * static_cast<double>(step); });
  auto [model, optimizer, scheduler] = accelerator.prepare(net, sgd, schedule);
  accelerator.backward(model(torch::ones({1, 1})).sum());
  optimizer.step();
  scheduler.step();
  return optimizer.param_groups()[0].options().get_lr();
}

TEST(Scheduling, AdvancesByTheBatchesOfTheWholeRun) {
  Full accelerator;
  EXPECT_NEAR(rate_after_one_step({}), 1 - 0.1 * accelerator.num_processes(), 1e-12);
  EXPECT_NEAR(rate_after_one_step({.split_batches = true}), 0.9, 1e-12);
  EXPECT_NEAR(rate_after_one_step({.step_scheduler_with_optimizer = false}), 0.9, 1e-12);
}

TEST(Scheduling, StopsAtTheEndOfASchedule) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  OneCycle schedule(sgd, {.max_lr = 0.1, .total_steps = 2 * accelerator.num_processes()});
  auto scheduler = accelerator.prepare(schedule);
  scheduler.step();
  EXPECT_EQ(schedule.last_epoch(), accelerator.num_processes());
}

// What a formula says beyond its end is no rate.
TEST(Scheduling, KeepsTheLastRateAfterTheEndOfASchedule) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  const torch::optim::SGDOptions options = torch::optim::SGDOptions(0.1).momentum(0.9);
  torch::optim::SGD sgd(net->parameters(), options), other(net->parameters(), options);
  const int64_t steps = 4 * accelerator.num_processes();
  OneCycle schedule(sgd, {.max_lr = 0.1, .total_steps = steps, .anneal = Anneal::linear});
  OneCycle alone(other, {.max_lr = 0.1, .total_steps = steps, .anneal = Anneal::linear});
  for (int64_t step = 1; step < steps; ++step) alone.step();
  auto scheduler = accelerator.prepare(schedule);
  for (int step = 0; step < 7; ++step) scheduler.step();
  EXPECT_EQ(schedule.last_epoch(), steps - 1);
  EXPECT_EQ(schedule.rates(), alone.rates());
  EXPECT_GT(schedule.rates()[0], 0);
}

TEST(Scheduling, TakesLibTorchsSchedulersAndPlateaus) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  torch::optim::StepLR step_lr(sgd, 1, 0.5);
  ReduceLROnPlateau plateau(sgd, {.factor = 0.1, .patience = 0});
  auto [scheduler, plateau_scheduler] = accelerator.prepare(step_lr, plateau);
  scheduler.step();
  const double rate = sgd.param_groups()[0].options().get_lr();
  EXPECT_LE(rate, 1.0);
  plateau_scheduler.step(1.0);
  plateau_scheduler.step(2.0);
  EXPECT_NEAR(sgd.param_groups()[0].options().get_lr(), rate * 0.1, 1e-12);
}

}  // namespace
}  // namespace accelerate
