// The fused step against LibTorch's own, side by side over many steps.
#include "accelerate/optim/fused_optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>

namespace accelerate {
namespace {

using torch::optim::OptimizerParamGroup;

constexpr kernels::Step kPlain;

// Two copies of the same parameters, one for each side.
struct Twins {
  explicit Twins(at::ScalarType type = at::kFloat) {
    at::set_num_threads(1);
    torch::manual_seed(1);
    for (const auto& shape : std::vector<std::vector<int64_t>>{{33, 7}, {5}, {}, {2, 3, 4, 5}, {1}})
      fused.push_back(torch::randn(shape, type));
    fused[3] = fused[3].contiguous(at::MemoryFormat::ChannelsLast);
    // More than one block of work.
    fused.push_back(torch::randn({70001}, type));
    for (at::Tensor& each : fused) {
      plain.push_back(each.clone().set_requires_grad(true));
      each.set_requires_grad(true);
    }
  }

  // The same gradients for both; the second parameter has one in every third step only.
  void set_gradients(int step) {
    for (size_t i = 0; i < fused.size(); ++i) {
      if (i == 1 && step % 3 != 0) {
        fused[i].mutable_grad().reset();
        plain[i].mutable_grad().reset();
        continue;
      }
      const at::Tensor gradient = torch::randn_like(plain[i].detach());
      fused[i].mutable_grad() = gradient.clone();
      plain[i].mutable_grad() = gradient;
    }
  }

  void expect_equal(double tolerance) const {
    for (size_t i = 0; i < fused.size(); ++i) {
      EXPECT_TRUE(torch::allclose(fused[i], plain[i], tolerance, tolerance))
          << "parameter " << i << ": " << (fused[i] - plain[i]).abs().max();
    }
  }

  std::vector<OptimizerParamGroup> groups(const std::vector<at::Tensor>& all) const {
    return {OptimizerParamGroup({all[0], all[1], all[2]}),
            OptimizerParamGroup({all[3], all[4], all[5]})};
  }

  std::vector<at::Tensor> fused, plain;
};

// `options[0]` is of the first group, `options[1]` of the second.
template <class Optimizer, class Options>
void expect_same_steps(std::vector<Options> options, at::ScalarType type = at::kFloat) {
  Twins twins(type);
  const auto groups = [&](const std::vector<at::Tensor>& all) {
    auto result = twins.groups(all);
    for (size_t i = 0; i < 2; ++i) result[i].set_options(std::make_unique<Options>(options[i]));
    return result;
  };
  Optimizer own(groups(twins.fused), options[0]), plain(groups(twins.plain), options[0]);
  auto fused = FusedOptimizer::make(own);
  ASSERT_NE(fused, nullptr);
  for (int step = 0; step < 100; ++step) {
    twins.set_gradients(step);
    ASSERT_TRUE(fused->step(&kPlain));
    plain.step();
    if (step % 10 == 9) {
      // As a scheduler does.
      for (auto* each : {static_cast<torch::optim::Optimizer*>(&own),
                         static_cast<torch::optim::Optimizer*>(&plain)}) {
        for (auto& group : each->param_groups())
          group.options().set_lr(group.options().get_lr() * 0.9);
      }
    }
  }
  twins.expect_equal(type == at::kDouble ? 1e-12 : 2e-5);
}

using torch::optim::AdagradOptions;
using torch::optim::AdamOptions;
using torch::optim::AdamWOptions;
using torch::optim::RMSpropOptions;
using torch::optim::SGDOptions;

TEST(FusedOptimizer, StepsAsAdamWDoes) {
  expect_same_steps<torch::optim::AdamW, AdamWOptions>(
      {AdamWOptions(1e-2), AdamWOptions(3e-3).weight_decay(0).betas({0.8, 0.95}).eps(1e-6)});
  expect_same_steps<torch::optim::AdamW, AdamWOptions>(
      {AdamWOptions(1e-2).amsgrad(true), AdamWOptions(1e-2).weight_decay(0.1)});
  expect_same_steps<torch::optim::AdamW, AdamWOptions>(
      {AdamWOptions(1e-2).amsgrad(true), AdamWOptions(1e-2)}, at::kDouble);
}

TEST(FusedOptimizer, StepsAsAdamDoes) {
  expect_same_steps<torch::optim::Adam, AdamOptions>(
      {AdamOptions(1e-2), AdamOptions(3e-3).weight_decay(0.1).betas({0.8, 0.95}).eps(1e-6)});
  expect_same_steps<torch::optim::Adam, AdamOptions>(
      {AdamOptions(1e-2).amsgrad(true), AdamOptions(1e-2).amsgrad(true).weight_decay(0.1)});
}

TEST(FusedOptimizer, StepsAsSgdDoes) {
  expect_same_steps<torch::optim::SGD, SGDOptions>(
      {SGDOptions(0.1), SGDOptions(0.05).weight_decay(0.1)});
  expect_same_steps<torch::optim::SGD, SGDOptions>(
      {SGDOptions(0.1).momentum(0.9),
       SGDOptions(0.05).momentum(0.8).dampening(0.3).weight_decay(0.1)});
  expect_same_steps<torch::optim::SGD, SGDOptions>(
      {SGDOptions(0.1).momentum(0.9).nesterov(true), SGDOptions(0.05)}, at::kDouble);
}

TEST(FusedOptimizer, StepsAsRmsPropDoes) {
  expect_same_steps<torch::optim::RMSprop, RMSpropOptions>(
      {RMSpropOptions(1e-2), RMSpropOptions(1e-3).alpha(0.9).eps(1e-6).weight_decay(0.1)});
  expect_same_steps<torch::optim::RMSprop, RMSpropOptions>(
      {RMSpropOptions(1e-2).momentum(0.9), RMSpropOptions(1e-3).centered(true).momentum(0.5)});
  expect_same_steps<torch::optim::RMSprop, RMSpropOptions>(
      {RMSpropOptions(1e-2).centered(true).eps(1e-4), RMSpropOptions(1e-2)}, at::kDouble);
}

TEST(FusedOptimizer, StepsAsAdagradDoes) {
  expect_same_steps<torch::optim::Adagrad, AdagradOptions>(
      {AdagradOptions(1e-2).initial_accumulator_value(0.1),
       AdagradOptions(1e-1).lr_decay(0.01).weight_decay(0.1).eps(1e-6)});
}

TEST(FusedOptimizer, StepsAlikeWithAnyNumberOfThreads) {
  Twins twins;
  torch::optim::AdamW one(twins.fused, AdamWOptions(1e-2)), two(twins.plain, AdamWOptions(1e-2));
  auto fused_one = FusedOptimizer::make(one), fused_two = FusedOptimizer::make(two);
  for (int step = 0; step < 3; ++step) {
    twins.set_gradients(step);
    fused_one->step(&kPlain);
    at::set_num_threads(2);
    fused_two->step(&kPlain);
    at::set_num_threads(1);
  }
  for (size_t i = 0; i < twins.fused.size(); ++i)
    EXPECT_TRUE(torch::equal(twins.fused[i], twins.plain[i]));
}

TEST(FusedOptimizer, MultipliesGradientsWithoutWritingThem) {
  Twins twins;
  torch::optim::AdamW own(twins.fused, AdamWOptions(1e-2)), plain(twins.plain, AdamWOptions(1e-2));
  auto fused = FusedOptimizer::make(own);
  twins.set_gradients(0);
  for (const at::Tensor& each : twins.plain) each.mutable_grad().mul_(0.25);
  const at::Tensor before = twins.fused[0].grad().clone();
  const kernels::Step quarter = {.gradient_factor = 0.25};
  fused->step(&quarter);
  plain.step();
  twins.expect_equal(1e-6);
  EXPECT_TRUE(torch::equal(twins.fused[0].grad(), before));
}

TEST(FusedOptimizer, ChangesNothingAfterAnOverflow) {
  Twins twins;
  torch::optim::AdamW own(twins.fused, AdamWOptions(1e-2));
  auto fused = FusedOptimizer::make(own);
  twins.set_gradients(0);
  const kernels::Step overflow = {.overflow = 1};
  EXPECT_TRUE(fused->step(&overflow));
  twins.expect_equal(0);
  EXPECT_TRUE(own.state().empty());
}

TEST(FusedOptimizer, KeepsItsStateInLibTorchsForm) {
  Twins twins;
  torch::optim::AdamW own(twins.fused, AdamWOptions(1e-2)), plain(twins.plain, AdamWOptions(1e-2));
  auto fused = FusedOptimizer::make(own);
  const auto step_both = [&](int step) {
    twins.set_gradients(step);
    EXPECT_TRUE(fused->step(&kPlain));
    plain.step();
  };
  step_both(0);
  step_both(1);
  // What LibTorch saved goes on fused, what was saved fused goes on in LibTorch.
  std::stringstream of_own, of_plain;
  torch::save(own, of_own);
  torch::save(plain, of_plain);
  torch::load(own, of_plain);
  torch::load(plain, of_own);
  for (int step = 2; step < 10; ++step) step_both(step);
  twins.expect_equal(1e-5);
  // Single steps in either form.
  for (int step = 10; step < 20; ++step) {
    twins.set_gradients(step);
    if (step % 2 == 0) {
      own.step();
    } else {
      EXPECT_TRUE(fused->step(&kPlain));
    }
    plain.step();
  }
  twins.expect_equal(1e-5);
  const auto& state = static_cast<const torch::optim::AdamWParamState&>(
      *own.state().at(twins.fused[1].unsafeGetTensorImpl()));
  EXPECT_EQ(state.step(), 7);
}

TEST(FusedOptimizer, SgdBeginsItsMomentumWhenItIsTurnedOn) {
  Twins twins;
  torch::optim::SGD own(twins.fused, SGDOptions(0.1)), plain(twins.plain, SGDOptions(0.1));
  auto fused = FusedOptimizer::make(own);
  for (int step = 0; step < 6; ++step) {
    for (auto* each : {&own, &plain}) {
      if (step == 2)
        static_cast<SGDOptions&>(each->param_groups()[0].options()).momentum(0.9).dampening(0.5);
    }
    twins.set_gradients(step);
    EXPECT_TRUE(fused->step(&kPlain));
    plain.step();
  }
  twins.expect_equal(1e-5);
}

TEST(FusedOptimizer, LeavesToLibTorchWhatIsNotForIt) {
  const auto table = torch::randn({4, 2}).set_requires_grad(true);
  torch::optim::SGD sgd({table}, 0.1);
  auto fused = FusedOptimizer::make(sgd);
  torch::embedding(table, torch::tensor({1}), -1, false, /*sparse=*/true).sum().backward();
  const at::Tensor before = table.detach().clone();
  EXPECT_FALSE(fused->step(&kPlain));
  EXPECT_TRUE(torch::equal(table, before));

  struct Derived : torch::optim::SGD {
    using SGD::SGD;
  };
  Derived derived({table}, SGDOptions(0.1));
  EXPECT_EQ(FusedOptimizer::make(derived), nullptr);
  torch::optim::LBFGS lbfgs({table});
  EXPECT_EQ(FusedOptimizer::make(lbfgs), nullptr);
  torch::optim::SGD of_halves({torch::ones({2}, at::kHalf).set_requires_grad(true)}, 0.1);
  EXPECT_EQ(FusedOptimizer::make(of_halves), nullptr);
}

TEST(FusedOptimizer, TellsAutogradThatParametersHaveChanged) {
  const auto weight = torch::randn({3}).set_requires_grad(true);
  torch::optim::SGD sgd({weight}, 0.1);
  auto fused = FusedOptimizer::make(sgd);
  const at::Tensor stale = weight.square().sum();
  weight.sum().backward();
  fused->step(&kPlain);
  EXPECT_THROW(stale.backward(), c10::Error);
}

TEST(FusedOptimizer, StepsWhatStandsInTheGroupsTwiceOnceAfterItsRemoval) {
  const auto weight = torch::zeros({3}).set_requires_grad(true);
  torch::optim::SGD sgd({OptimizerParamGroup({weight, weight}), OptimizerParamGroup({weight})},
                        SGDOptions(1.0));
  remove_repeated_parameters(sgd);
  weight.sum().backward();
  FusedOptimizer::make(sgd)->step(&kPlain);
  EXPECT_TRUE(torch::equal(weight, torch::full({3}, -1.0)));
}

TEST(FusedOptimizer, DoesNothingWithoutGradients) {
  const auto weight = torch::ones({3}).set_requires_grad(true);
  torch::optim::AdamW adamw({weight}, AdamWOptions(0.1).weight_decay(0.5));
  EXPECT_TRUE(FusedOptimizer::make(adamw)->step(&kPlain));
  EXPECT_TRUE(torch::equal(weight, torch::ones({3})));
  EXPECT_TRUE(adamw.state().empty());
}

}  // namespace
}  // namespace accelerate
