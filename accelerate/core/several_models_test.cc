// Several models and optimizers in one program. Runs on one process and
// on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::AdamWOptions;

torch::nn::Sequential network(int64_t in, int64_t out) {
  return torch::nn::Sequential(torch::nn::Linear(in, 16), torch::nn::Tanh(),
                               torch::nn::Linear(16, out));
}

// One step of a GAN on real numbers and noise; `backward` is the Accelerator's or LibTorch's.
template <class G, class D, class OptimizerG, class OptimizerD, class Backward>
void gan_step(G& generator, D& discriminator, OptimizerG& of_generator,
              OptimizerD& of_discriminator, const at::Tensor& real, const at::Tensor& noise,
              Backward backward) {
  const auto verdict = [](const at::Tensor& logits, double truth) {
    return torch::binary_cross_entropy_with_logits(logits, torch::full_like(logits, truth));
  };
  const at::Tensor fake = generator(noise);
  of_discriminator.zero_grad();
  backward(verdict(discriminator(real), 1) + verdict(discriminator(fake.detach()), 0));
  of_discriminator.step();
  of_generator.zero_grad();
  // Gradients reach the discriminator too, and are zeroed before its next step.
  backward(verdict(discriminator(fake), 1));
  of_generator.step();
}

TEST(SeveralModels, TrainAGanAsLibTorchDoes) {
  Full accelerator;
  torch::manual_seed(8);
  auto generator = network(3, 1), discriminator = network(1, 1);
  auto plain_generator = network(3, 1), plain_discriminator = network(1, 1);
  copy_parameters(*generator, *plain_generator);
  copy_parameters(*discriminator, *plain_discriminator);
  const auto options = AdamWOptions(1e-2);
  torch::optim::AdamW adamw_g(generator->parameters(), options),
      adamw_d(discriminator->parameters(), options),
      plain_g(plain_generator->parameters(), options),
      plain_d(plain_discriminator->parameters(), options);
  auto [model_g, model_d, optimizer_g, optimizer_d] =
      accelerator.prepare(generator, discriminator, adamw_g, adamw_d);
  const int64_t rank = accelerator.process_index(), size = accelerator.num_processes();
  for (int step = 0; step < 20; ++step) {
    torch::manual_seed(step);
    const at::Tensor real = 2 + torch::randn({8 * size, 1}), noise = torch::randn({8 * size, 3});
    gan_step(model_g, model_d, optimizer_g, optimizer_d, real.narrow(0, 8 * rank, 8),
             noise.narrow(0, 8 * rank, 8),
             [&](const at::Tensor& loss) { accelerator.backward(loss); });
    const auto forward_g = [&](const at::Tensor& x) { return plain_generator->forward(x); };
    const auto forward_d = [&](const at::Tensor& x) { return plain_discriminator->forward(x); };
    gan_step(forward_g, forward_d, plain_g, plain_d, real, noise,
             [](const at::Tensor& loss) { loss.backward(); });
  }
  EXPECT_LT(largest_difference(*generator, *plain_generator), 2e-4);
  EXPECT_LT(largest_difference(*discriminator, *plain_discriminator), 2e-4);
}

TEST(SeveralModels, UpdateTheLossScaleOnceAStep) {
  Half accelerator({.loss_scale = {.growth_interval = 1}});
  auto one = torch::nn::Linear(1, 1), two = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd_one(one->parameters(), 1e-3), sgd_two(two->parameters(), 1e-3);
  auto [model_one, model_two, optimizer_one, optimizer_two] =
      accelerator.prepare(one, two, sgd_one, sgd_two);
  accelerator.backward((model_one(torch::ones({1, 1})) + model_two(torch::ones({1, 1}))).sum() *
                       1e-2);
  optimizer_one.step();
  optimizer_two.step();
  EXPECT_EQ(accelerator.loss_scale(), 2 * 65536);
}

// A second stage of training, which steps only one of them and still looks at all gradients.
TEST(SeveralModels, DoNotHoldTheLossScaleForAnOptimizerThatStepsNoMore) {
  Half accelerator;
  auto one = torch::nn::Linear(1, 1), two = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd_one(one->parameters(), 1e-3), sgd_two(two->parameters(), 1e-3);
  auto [model_one, model_two, optimizer_one, optimizer_two] =
      accelerator.prepare(one, two, sgd_one, sgd_two);
  accelerator.backward((model_one(torch::ones({1, 1})) + model_two(torch::ones({1, 1}))).sum() *
                       1e-4);
  for (at::Tensor& parameter : one->parameters()) parameter.requires_grad_(false);
  const at::Tensor bias = two->bias.detach().clone();
  for (int step = 0; step < 12; ++step) {
    optimizer_two.zero_grad();
    accelerator.backward(model_two(torch::ones({1, 1})).sum() * (step < 8 ? 1e8 : 1e-4));
    accelerator.unscale_gradients();
    optimizer_two.step();
  }
  // Of eight overflows at least every third halves it, and then steps are taken again.
  EXPECT_LE(accelerator.loss_scale(), 65536 / 4);
  EXPECT_FALSE(optimizer_two.step_was_skipped());
  EXPECT_FALSE(torch::equal(two->bias, bias));
}

// A scope of the program's own around several steps, as of a GAN, must not keep casts of weights
// that a step has changed.
TEST(SeveralModels, SeeTheWeightsOfAStepWithinOneScopeOfAutocast) {
  BFloat accelerator;
  torch::nn::Linear net(torch::nn::LinearOptions(1, 1).bias(false));
  torch::nn::init::ones_(net->weight);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  auto scope = accelerator.autocast();
  const at::Tensor x = torch::ones({1, 1});
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(torch::linear(x, net->weight).template item<float>(), 1 - step);
    optimizer.zero_grad();
    accelerator.backward(torch::linear(x, net->weight).sum());
    optimizer.step();
  }
}

TEST(SeveralModels, MayGoTheirWayOnSomeRanksOnlyWithAnError) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  auto one = torch::nn::Linear(1, 1), two = torch::nn::Linear(1, 1);
  auto [model_one, model_two] = accelerator.prepare(one, two);
  const bool first = accelerator.process_index() == 0;
  const std::string message = message_of([&] {
    accelerator.backward(
        (first ? model_one(torch::ones({1, 1})) : model_two(torch::ones({1, 1}))).sum());
  });
  EXPECT_THAT(message, HasSubstr("on some processes only: `"));
}

TEST(SeveralModels, ShareAParameterThatIsAveragedOnce) {
  Full accelerator;
  auto shared = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::nn::Sequential one(shared, torch::nn::Tanh()), two(shared);
  torch::optim::SGD sgd(one->parameters(), 1.0);
  auto [model_one, model_two, optimizer] = accelerator.prepare(one, two, sgd);
  accelerator.backward(model_two(torch::full({1, 1}, accelerator.process_index() + 1.0)).sum());
  EXPECT_NEAR(shared->weight.grad().item<double>(), (accelerator.num_processes() + 1) / 2.0, 1e-6);
  optimizer.step();
}

TEST(SeveralModels, HoldBackOnlyTheScheduleOfASkippedStep) {
  Half accelerator;
  auto one = torch::nn::Linear(1, 1), two = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd_one(one->parameters(), 1e-3), sgd_two(two->parameters(), 1e-3);
  LambdaLR schedule_one(sgd_one, [](int64_t) { return 1.0; }),
      schedule_two(sgd_two, [](int64_t) { return 1.0; });
  auto [model_one, model_two, optimizer_one, optimizer_two, scheduler_one, scheduler_two] =
      accelerator.prepare(one, two, sgd_one, sgd_two, schedule_one, schedule_two);
  accelerator.backward(model_one(torch::ones({1, 1})).sum() * INFINITY);
  optimizer_one.step();
  scheduler_one.step();
  accelerator.backward(model_two(torch::ones({1, 1})).sum() * 1e-2);
  optimizer_two.step();
  scheduler_two.step();
  EXPECT_EQ(schedule_one.last_epoch(), 0);
  EXPECT_EQ(schedule_two.last_epoch(), accelerator.num_processes());
}

TEST(SeveralModels, MayBePreparedAnewWhenTheirHandleIsGone) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  { auto model = accelerator.prepare(net); }
  auto model = accelerator.prepare(net);
  accelerator.backward(model(torch::ones({1, 1})).sum());
}

// Under a sanitizer these show what is used after its end.
TEST(SeveralModels, AndHandlesEndInAnyOrder) {
  const at::Tensor x = torch::ones({1, 1});
  for (int order = 0; order < 6; ++order) {
    auto accelerator = std::make_unique<Full>();
    auto net = std::make_unique<torch::nn::Linear>(torch::nn::LinearOptions(1, 1));
    auto sgd = std::make_unique<torch::optim::SGD>((*net)->parameters(), 0.1);
    auto model = std::make_unique<PreparedModel<torch::nn::LinearImpl>>(accelerator->prepare(*net));
    auto optimizer = std::make_unique<PreparedOptimizer>(accelerator->prepare(*sgd));
    const at::Tensor loss = (*model)(x).sum();
    accelerator->backward(loss);
    optimizer->step();
    const auto weight = (*net)->weight;
    std::vector<std::function<void()>> ends{[&] { accelerator.reset(); }, [&] { model.reset(); },
                                            [&] { optimizer.reset(), sgd.reset(); }};
    // All six orders of the three.
    std::swap(ends[0], ends[order % 3]);
    if (order >= 3) std::swap(ends[1], ends[2]);
    for (const auto& end : ends) end();
    // The user's module trains on without us, and the hooks do nothing.
    weight.sum().backward();
    net.reset();
  }
  // Two generations over one module.
  auto net = torch::nn::Linear(1, 1);
  for (int generation = 0; generation < 2; ++generation) {
    Full accelerator;
    auto model = accelerator.prepare(net);
    accelerator.backward(model(x).sum());
    net->zero_grad();
  }
}

TEST(SeveralModels, HaveOneSetOfBuffersAlsoWhereOneIsFrozen) {
  Full accelerator;
  const int rank = accelerator.process_index(), size = accelerator.num_processes();
  torch::manual_seed(1);
  torch::nn::Sequential backbone(torch::nn::Linear(2, 3), torch::nn::BatchNorm1d(3));
  torch::nn::Linear head(3, 1);
  std::vector<at::Tensor> parameters = backbone->parameters();
  for (const at::Tensor& each : head->parameters()) parameters.push_back(each);
  torch::optim::SGD sgd(parameters, 0.01);
  auto [body, top, optimizer] = accelerator.prepare(backbone, head, sgd);
  for (int i = 0; i < 4; ++i) {
    if (i == 2) {
      for (at::Tensor& each : backbone->parameters()) each.requires_grad_(false);
    }
    optimizer.zero_grad();
    accelerator.backward(top(body(torch::randn({4, 2}) + rank)).square().mean());
    optimizer.step();
    const at::Tensor means = accelerator.gather(backbone->buffers()[0].view({1, -1}));
    for (int other = 1; other < size; ++other)
      EXPECT_TRUE(torch::equal(means[0], means[other])) << "after step " << i;
  }
}

}  // namespace
}  // namespace accelerate
