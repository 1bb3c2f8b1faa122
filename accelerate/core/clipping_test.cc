// Runs on one process and on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Trains with clipping next to plain LibTorch on the whole batch.
template <class A, class Clip>
void expect_clipping_as_in_libtorch(Clip clip, double tolerance) {
  A accelerator;
  torch::manual_seed(2);
  auto net = small_net(), reference = small_net();
  copy_parameters(*net, *reference);
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(0.01)),
      reference_adamw(reference->parameters(), torch::optim::AdamWOptions(0.01));
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  const int64_t rank = accelerator.process_index(), size = accelerator.num_processes();
  for (int step = 0; step < 10; ++step) {
    torch::manual_seed(step);
    const at::Tensor x = torch::randn({8 * size, 1}), y = 5 * x + 3;
    optimizer.zero_grad();
    accelerator.backward(
        torch::mse_loss(model(x.narrow(0, 8 * rank, 8)), y.narrow(0, 8 * rank, 8)));
    reference_adamw.zero_grad();
    torch::mse_loss(reference->forward(x), y).backward();
    const double norm = clip(accelerator, model, reference->parameters());
    const double expected = clip.reference(reference->parameters());
    EXPECT_NEAR(norm, expected, tolerance * (1 + expected));
    optimizer.step();
    reference_adamw.step();
  }
  EXPECT_LT(largest_difference(*net, *reference), tolerance);
}

struct ByNorm {
  double norm_type;
  bool whole_model;
  template <class A, class M>
  double operator()(A& accelerator, const M& model, const std::vector<at::Tensor>&) const {
    if (whole_model)
      return accelerator.clip_grad_norm(model, 0.5, norm_type).template item<double>();
    auto some = model->parameters();
    some.pop_back();
    return accelerator.clip_grad_norm(some, 0.5, norm_type).template item<double>();
  }
  double reference(std::vector<at::Tensor> parameters) const {
    if (!whole_model) parameters.pop_back();
    return torch::nn::utils::clip_grad_norm_(parameters, 0.5, norm_type);
  }
};

struct ByValue {
  template <class A, class M>
  double operator()(A& accelerator, const M& model, const std::vector<at::Tensor>&) const {
    accelerator.clip_grad_value(model, 0.1);
    return 0;
  }
  double reference(const std::vector<at::Tensor>& parameters) const {
    torch::nn::utils::clip_grad_value_(parameters, 0.1);
    return 0;
  }
};

TEST(Clipping, ByNormIsLibTorchs) {
  expect_clipping_as_in_libtorch<Full>(ByNorm{2, true}, 1e-5);
  expect_clipping_as_in_libtorch<Full>(ByNorm{1, true}, 1e-5);
  expect_clipping_as_in_libtorch<Full>(ByNorm{INFINITY, true}, 1e-5);
}
TEST(Clipping, OfSomeParametersLeavesTheOthers) {
  expect_clipping_as_in_libtorch<Full>(ByNorm{2, false}, 1e-5);
}
TEST(Clipping, ByValueIsLibTorchs) { expect_clipping_as_in_libtorch<Full>(ByValue{}, 1e-5); }

// Under the loss scale the values are those of unscaled gradients. The model computes in fp16, so
// the reference is one too.
TEST(Clipping, SeesUnscaledGradients) {
  for (const bool whole : {true, false}) {
    Half accelerator;
    auto net = torch::nn::Linear(torch::nn::LinearOptions(2, 1).bias(!whole));
    {
      torch::NoGradGuard no_grad;
      net->weight.fill_(1);
    }
    torch::optim::SGD sgd(net->parameters(), 1.0);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    // The gradient of the weight is (0.375, 0.5), which the scale brings near the end of fp16.
    accelerator.backward(model(torch::tensor({{1.5, 2.0}})).sum() * 0.25);
    const at::Tensor norm = accelerator.clip_grad_norm({net->weight}, 0.25);
    EXPECT_NEAR(norm.item<double>(), 0.625, 1e-3);
    optimizer.step();
    EXPECT_FALSE(optimizer.step_was_skipped());
    EXPECT_NEAR(net->weight[0][0].item<double>(), 1 - 0.15, 1e-3);
    EXPECT_NEAR(net->weight[0][1].item<double>(), 1 - 0.2, 1e-3);
  }
}

TEST(Clipping, IsDoneByTheStepAndMadeVisibleWhenAsked) {
  Half accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 0.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const auto gradient = [&] { return net->weight.grad().item<double>(); };
  const auto clip = [&, &model = model] {
    accelerator.backward(model(torch::full({1, 1}, 0.5)).sum() * 0.5);
    accelerator.clip_grad_norm(model, 0.125);
  };
  // The first time at once: nobody knows what comes next.
  clip();
  EXPECT_NEAR(gradient(), 0.125, 1e-5);
  optimizer.step();
  optimizer.zero_grad();
  clip();
  EXPECT_EQ(gradient(), 0.25 * 65536);
  accelerator.unscale_gradients(optimizer);
  EXPECT_NEAR(gradient(), 0.125, 1e-5);
  accelerator.unscale_gradients();
  EXPECT_NEAR(gradient(), 0.125, 1e-5);
  optimizer.step();
  EXPECT_NEAR(gradient(), 0.125, 1e-5);
}

// In fp16 what no optimizer has keeps the loss scale; in fp32 all have the same.
TEST(Clipping, RefusesANormOfSomeThatKeepTheLossScale) {
  const auto clip = [](auto& accelerator, bool all) {
    torch::nn::Linear net(1, 1);
    torch::optim::SGD sgd({net->weight}, 0.1);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    accelerator.backward(model(torch::ones({1, 1})).sum());
    return message_of([&, &model = model] {
      all ? accelerator.clip_grad_norm(model, 1.0) : accelerator.clip_grad_norm({net->weight}, 1.0);
    });
  };
  Half half;
  EXPECT_THAT(clip(half, true), HasSubstr("a parameter that no prepared optimizer has"));
  Half other_half;
  EXPECT_EQ(clip(other_half, false), "no error");
  BFloat bfloat;
  EXPECT_EQ(clip(bfloat, true), "no error");
}

TEST(Clipping, FindsAnOverflow) {
  Half accelerator;
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor before = net->weight.detach().clone();
  accelerator.backward(model(torch::ones({1, 1})).sum() * INFINITY);
  EXPECT_FALSE(std::isfinite(accelerator.clip_grad_norm(model, 1.0).item<double>()));
  optimizer.step();
  EXPECT_TRUE(optimizer.step_was_skipped());
  EXPECT_TRUE(torch::equal(net->weight, before));
  EXPECT_EQ(accelerator.loss_scale(), 32768);
}

TEST(Clipping, IsHarmlessInAStepThatOnlyAccumulates) {
  Half accelerator({.gradient_accumulation_steps = 2});
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double before = net->weight.item<double>();
  for (int i = 0; i < 2; ++i) {
    auto scope = accelerator.accumulate(model);
    accelerator.backward(model(torch::full({1, 1}, 0.5)).sum());
    accelerator.clip_grad_value(model, 1e-3);
    accelerator.unscale_gradients();
    const at::Tensor norm = accelerator.clip_grad_norm(model, 100);
    EXPECT_NEAR(norm.item<double>(), i == 0 ? 0.25 : 1e-3, 1e-6);
    if (i == 0) {
      EXPECT_EQ(net->weight.grad().item<double>(), 0.25 * 65536);
    }
    optimizer.step();
    optimizer.zero_grad();
  }
  EXPECT_NEAR(net->weight.item<double>(), before - 1e-3, 1e-6);
}

// A clipped gradient that is not used up goes clipped into the next sum, as with LibTorch.
TEST(Clipping, IsNotLostWhenMoreIsAdded) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double before = net->weight.item<double>();
  accelerator.backward(model(torch::full({1, 1}, 10.0)).sum());
  accelerator.clip_grad_norm(model, 1.0);
  accelerator.backward(model(torch::full({1, 1}, 0.5)).sum());
  optimizer.step();
  EXPECT_NEAR(net->weight.item<double>(), before - 1.5, 1e-4);
  // And not into the next gradient when it is zeroed.
  optimizer.zero_grad();
  accelerator.backward(model(torch::full({1, 1}, 10.0)).sum());
  accelerator.clip_grad_norm(model, 1.0);
  optimizer.zero_grad();
  accelerator.backward(model(torch::full({1, 1}, 2.0)).sum());
  optimizer.step();
  EXPECT_NEAR(net->weight.item<double>(), before - 3.5, 1e-4);
}

// zero_grad() of the program's own objects is not seen, but what it leaves is.
TEST(Clipping, EndsWithItsGradients) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  double expected = net->weight.item<double>();
  for (int step = 0; step < 4; ++step) {
    if (step % 2 == 0) {
      net->zero_grad();
    } else {
      sgd.zero_grad();
    }
    accelerator.backward(model(torch::full({1, 1}, 10.0)).sum());
    EXPECT_NEAR(accelerator.clip_grad_norm(model, 0.5).item<double>(), 10, 1e-4);
    optimizer.step();
    expected -= 0.5;
    EXPECT_NEAR(net->weight.item<double>(), expected, 1e-4);
  }
}

// Two models in fp16, whose backward passes both come before the steps.
TEST(Clipping, OfOneOptimizerOutlastsTheBackwardPassOfAnother) {
  for (const int way : {0, 1, 2}) {
    Half accelerator({.loss_scale = {.init_scale = 1024, .growth_interval = 1}});
    auto one = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false)),
         two = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
    torch::optim::SGD sgd_one(one->parameters(), 1.0), sgd_two(two->parameters(), 1.0);
    auto [model_one, model_two, optimizer_one, optimizer_two] =
        accelerator.prepare(one, two, sgd_one, sgd_two);
    const double before_one = one->weight.item<double>(), before_two = two->weight.item<double>();
    accelerator.backward(model_one(torch::ones({1, 1})).sum());
    if (way == 0) accelerator.unscale_gradients(optimizer_one);
    if (way == 1) accelerator.clip_grad_norm(model_one, 0.5);
    if (way == 2) accelerator.clip_grad_value(model_one, 0.5);
    // Reading the scale changes nothing.
    accelerator.loss_scale();
    accelerator.backward(model_two(torch::full({1, 1}, 0.25)).sum());
    optimizer_one.step();
    accelerator.loss_scale();
    optimizer_two.step();
    EXPECT_NEAR(one->weight.item<double>(), before_one - (way == 0 ? 1 : 0.5), 1e-3) << way;
    EXPECT_NEAR(two->weight.item<double>(), before_two - 0.25, 1e-3) << way;
    EXPECT_EQ(accelerator.loss_scale(), 2048);
  }
}

// Clipped values are finite, and the step is skipped all the same.
TEST(Clipping, RemembersAnOverflowThroughTheBackwardPassOfAnother) {
  Half accelerator({.loss_scale = {.init_scale = 1024}});
  auto one = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false)),
       two = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd_one(one->parameters(), 1.0), sgd_two(two->parameters(), 1.0);
  auto [model_one, model_two, optimizer_one, optimizer_two] =
      accelerator.prepare(one, two, sgd_one, sgd_two);
  const double before_one = one->weight.item<double>(), before_two = two->weight.item<double>();
  // In half precision 1024 * 60000 is infinite.
  accelerator.backward(model_one(torch::full({1, 1}, 60000.0)).sum());
  accelerator.clip_grad_value(model_one, 0.5);
  accelerator.backward(model_two(torch::full({1, 1}, 0.25)).sum());
  optimizer_one.step();
  optimizer_two.step();
  EXPECT_EQ(one->weight.item<double>(), before_one);
  EXPECT_NEAR(two->weight.item<double>(), before_two - 0.25, 1e-3);
}

// Which LibTorch steps, and which share a weight.
TEST(Clipping, SkipsTheStepsOfBothOptimizersOfAnOverflow) {
  Half accelerator({.loss_scale = {.init_scale = 1024}});
  auto shared = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto head = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::nn::Sequential net(shared, head);
  struct Own : torch::optim::SGD {
    using SGD::SGD;
  };
  Own one({shared->weight}, 1.0), two(net->parameters(), 1.0);
  auto [model, optimizer_one, optimizer_two] = accelerator.prepare(net, one, two);
  torch::NoGradGuard no_grad;
  shared->weight.fill_(0), head->weight.fill_(1);
  {
    const at::AutoGradMode grad(true);
    accelerator.backward(model(torch::full({1, 1}, 60000.0)).sum());
  }
  optimizer_one.step();
  optimizer_two.step();
  EXPECT_EQ(shared->weight.item<double>(), 0);
  EXPECT_EQ(head->weight.item<double>(), 1);
}

TEST(Clipping, TakesComplexGradientsWithALossScale) {
  Half accelerator({.loss_scale = {.init_scale = 16}});
  struct Spectrum : torch::nn::Module {
    Spectrum() { weight = register_parameter("weight", torch::ones({2}, at::kComplexFloat)); }
    at::Tensor forward(const at::Tensor& x) { return torch::real(weight * x); }
    at::Tensor weight;
  };
  auto spectrum = std::make_shared<Spectrum>();
  torch::optim::SGD sgd(spectrum->parameters(), 0.5);
  auto [model, optimizer] = accelerator.prepare(spectrum, sgd);
  accelerator.backward(model(torch::ones({2})).sum());
  optimizer.step();
  EXPECT_TRUE(torch::allclose(torch::real(spectrum->weight), torch::full({2}, 0.5)));
}

TEST(Clipping, TakesSparseGradients) {
  Half accelerator({.loss_scale = {.init_scale = 16}});
  if (accelerator.num_processes() > 1) GTEST_SKIP() << "several processes refuse them";
  for (const double norm_type : {2.0, 1.0}) {
    torch::nn::Embedding net(torch::nn::EmbeddingOptions(4, 1).sparse(true));
    torch::optim::SGD sgd(net->parameters(), 1.0);
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    const double before = net->weight[1].item<double>();
    accelerator.backward(model(torch::tensor({1, 1})).sum());
    EXPECT_NEAR(accelerator.clip_grad_norm(model, 0.5, norm_type).item<double>(), 2, 1e-4);
    optimizer.step();
    EXPECT_NEAR(net->weight[1].item<double>(), before - 0.5, 1e-4);
  }
}

TEST(Clipping, RefusesWhatMakesNoSense) {
  Full accelerator;
  auto net = torch::nn::Linear(1, 1);
  EXPECT_THROW(accelerator.clip_grad_norm(net->parameters(), -1.0), c10::Error);
  EXPECT_THROW(accelerator.clip_grad_value(net->parameters(), -1.0), c10::Error);
  EXPECT_EQ(accelerator.clip_grad_norm(net->parameters(), 1.0).item<double>(), 0);
}

}  // namespace
}  // namespace accelerate
