// What the host does for a step on a GPU, with the kernels' own element functions run here.
#include "accelerate/optim/gpu_fused.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>
#include <vector>

#include "accelerate/optim/fused_adagrad.h"
#include "accelerate/optim/fused_adam.h"
#include "accelerate/optim/fused_rmsprop.h"
#include "accelerate/optim/fused_sgd.h"
#include "accelerate/optim/launch_here.h"

namespace accelerate::internal {
namespace {

using torch::optim::AdagradOptions;
using torch::optim::AdamOptions;
using torch::optim::AdamW;
using torch::optim::AdamWOptions;
using torch::optim::OptimizerParamGroup;
using torch::optim::RMSpropOptions;
using torch::optim::SGD;
using torch::optim::SGDOptions;

constexpr kernels::Step kPlain;
constexpr kernels::Step kOverflow = {.overflow = 1};

// The same parameters twice, in two groups each.
struct Twins {
  Twins() {
    torch::manual_seed(1);
    for (const auto& shape : std::vector<std::vector<int64_t>>{{33, 7}, {5}, {}, {5000}}) {
      ours.push_back(torch::randn(shape).requires_grad_());
      plain.push_back(ours.back().detach().clone().requires_grad_());
    }
  }
  // The second parameter has a gradient in every third step only.
  void set_gradients(int step) {
    for (size_t i = 0; i < ours.size(); ++i) {
      const at::Tensor gradient = torch::randn_like(plain[i].detach());
      const bool none = i == 1 && step % 3 != 0;
      ours[i].mutable_grad() = none ? at::Tensor() : gradient;
      plain[i].mutable_grad() = none ? at::Tensor() : gradient.clone();
    }
  }
  template <class Options>
  static std::vector<OptimizerParamGroup> groups(const std::vector<at::Tensor>& all,
                                                 const Options& first, const Options& second) {
    std::vector<OptimizerParamGroup> result{OptimizerParamGroup({all[0], all[1]}),
                                            OptimizerParamGroup({all[2], all[3]})};
    result[0].set_options(std::make_unique<Options>(first));
    result[1].set_options(std::make_unique<Options>(second));
    return result;
  }
  void expect_equal() const {
    for (size_t i = 0; i < ours.size(); ++i)
      EXPECT_TRUE(torch::allclose(ours[i], plain[i], 2e-5, 2e-5)) << i;
  }
  std::vector<at::Tensor> ours, plain;
};

void set_rates(torch::optim::Optimizer& optimizer, double rate) {
  for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
}

// 30 steps of changing rates, beside LibTorch's own.
template <class Rule>
void expect_same_steps(const typename Rule::Options& first, const typename Rule::Options& second) {
  Twins twins;
  typename Rule::Optimizer own(Twins::groups(twins.ours, first, second), first),
      plain(Twins::groups(twins.plain, first, second), first);
  GpuFused<Rule> fused(own, at::kCPU, {}, launch_here<Rule>);
  for (int step = 0; step < 30; ++step) {
    twins.set_gradients(step);
    ASSERT_TRUE(fused.step(&kPlain));
    plain.step();
    if (step % 10 == 9) set_rates(own, 0.1 / (step + 1)), set_rates(plain, 0.1 / (step + 1));
  }
  twins.expect_equal();
}

TEST(GpuFused, StepsAsLibTorchDoes) {
  expect_same_steps<FusedAdamW>(AdamWOptions(1e-2),
                                AdamWOptions(3e-3).amsgrad(true).weight_decay(0));
  expect_same_steps<FusedAdam>(AdamOptions(1e-2),
                               AdamOptions(3e-3).amsgrad(true).weight_decay(0.1));
  expect_same_steps<FusedSgd>(SGDOptions(0.1).momentum(0.9).dampening(0.3),
                              SGDOptions(0.05).weight_decay(0.1));
}

TEST(GpuFused, StepsAsRmsPropDoesWithEveryOption) {
  expect_same_steps<FusedRmsProp>(RMSpropOptions(1e-2),
                                  RMSpropOptions(1e-3).alpha(0.9).eps(1e-6).weight_decay(0.1));
  expect_same_steps<FusedRmsProp>(RMSpropOptions(1e-2).momentum(0.9),
                                  RMSpropOptions(1e-3).centered(true));
  expect_same_steps<FusedRmsProp>(RMSpropOptions(1e-2).centered(true).momentum(0.5),
                                  RMSpropOptions(1e-2));
}

TEST(GpuFused, StepsAsAdagradDoesWithEveryOption) {
  expect_same_steps<FusedAdagrad>(AdagradOptions(1e-2).initial_accumulator_value(0.1),
                                  AdagradOptions(1e-1).lr_decay(0.01).weight_decay(0.1).eps(1e-6));
}

// Of the first ones it is made with the optimizer.
TEST(GpuFused, BeginsTheStateOfParametersThatComeLater) {
  const AdagradOptions options = AdagradOptions(0.1).initial_accumulator_value(0.5);
  Twins twins;
  torch::optim::Adagrad own(std::vector{twins.ours[0]}, options), plain(twins.plain, options);
  own.add_param_group(OptimizerParamGroup({twins.ours[1], twins.ours[2], twins.ours[3]}));
  GpuFused<FusedAdagrad> fused(own, at::kCPU, {}, launch_here<FusedAdagrad>);
  for (int step = 0; step < 4; ++step) {
    twins.set_gradients(step);
    ASSERT_TRUE(fused.step(&kPlain));
    plain.step();
  }
  twins.expect_equal();
}

// The buffer begins with the whole gradient, whatever the dampening, also where it comes later.
TEST(GpuFused, TakesMomentumThatIsTurnedOnLater) {
  Twins twins;
  const SGDOptions options(0.1);
  SGD own(twins.ours, options), plain(twins.plain, options);
  GpuFused<FusedSgd> fused(own, at::kCPU, {}, launch_here<FusedSgd>);
  for (int step = 0; step < 5; ++step) {
    twins.set_gradients(0);
    if (step == 2) {
      for (auto* each : {&own, &plain}) {
        static_cast<SGDOptions&>(each->param_groups()[0].options()).momentum(0.9).dampening(0.5);
      }
    }
    fused.step(&kPlain);
    plain.step();
  }
  twins.expect_equal();
}

TEST(GpuFused, CountsAStepUntilItIsKnownToBeSkipped) {
  Twins twins;
  AdamW own(twins.ours, AdamWOptions(1e-2)), plain(twins.plain, AdamWOptions(1e-2));
  GpuFused<FusedAdamW> fused(own, at::kCPU, {}, launch_here<FusedAdamW>);
  const auto counted = [&](int i) {
    return static_cast<torch::optim::AdamWParamState&>(
               *own.state().at(twins.ours[i].unsafeGetTensorImpl()))
        .step();
  };
  twins.set_gradients(1);
  fused.step(&kPlain);
  plain.step();
  fused.step(&kOverflow);
  const std::vector<int32_t> taken = fused.taken();
  EXPECT_EQ(taken, (std::vector<int32_t>{0, 2, 3}));
  EXPECT_EQ(counted(0), 2);
  // The outcome comes after the next step has been launched.
  fused.step(&kPlain);
  plain.step();
  fused.count(taken, -1);
  EXPECT_EQ(counted(0), 2);
  fused.step(&kPlain);
  plain.step();
  EXPECT_EQ(counted(0), 3);
  twins.expect_equal();
}

TEST(GpuFused, GoesOnFromTheCountsOfALoadedState) {
  Twins twins;
  AdamW own(twins.ours, AdamWOptions(1e-2)), plain(twins.plain, AdamWOptions(1e-2));
  GpuFused<FusedAdamW> fused(own, at::kCPU, {}, launch_here<FusedAdamW>);
  twins.set_gradients(0);
  fused.step(&kOverflow);
  const std::vector<int32_t> taken = fused.taken();
  for (int step = 0; step < 5; ++step) plain.step();
  std::stringstream saved;
  torch::save(plain, saved);
  torch::load(own, saved);
  for (size_t i = 0; i < twins.ours.size(); ++i) twins.ours[i].detach().copy_(twins.plain[i]);
  // Of a step before the state was loaded.
  fused.count(taken, -1);
  fused.step(&kPlain);
  plain.step();
  twins.expect_equal();
}

TEST(GpuFused, BringsNewRatesToTheDeviceBeforeAStepIsReplayed) {
  Twins twins;
  SGD own(twins.ours, SGDOptions(0.1));
  const kernels::SgdOptions* seen = nullptr;
  static const kernels::SgdOptions** out;
  out = &seen;
  using Fused = GpuFused<FusedSgd>;
  Fused fused(own, at::kCPU, {},
              [](c10::Device, std::span<const Fused::Piece>, const kernels::SgdOptions* groups,
                 Fused::Slot*, const kernels::Step*, kernels::ElementType) { *out = groups; });
  twins.set_gradients(0);
  EXPECT_FALSE(fused.is_fresh());
  fused.step(&kPlain);
  EXPECT_TRUE(fused.is_fresh());
  // State that would be made in the step.
  static_cast<SGDOptions&>(own.param_groups()[0].options()).momentum(0.5);
  fused.refresh();
  EXPECT_FALSE(fused.is_fresh());
  static_cast<SGDOptions&>(own.param_groups()[0].options()).momentum(0);
  fused.refresh();
  EXPECT_TRUE(fused.is_fresh());
  const auto layout = fused.layout(fused.taken());
  set_rates(own, 0.025);
  EXPECT_FALSE(fused.is_fresh());
  fused.refresh();
  EXPECT_TRUE(fused.is_fresh());
  EXPECT_EQ(seen->lr, 0.025);
  // Where the parameters are is what a replay depends on.
  EXPECT_EQ(fused.layout(fused.taken()), layout);
  static_cast<SGDOptions&>(own.param_groups()[0].options()).momentum(0.5);
  EXPECT_NE(fused.layout(fused.taken()), layout);
  static_cast<SGDOptions&>(own.param_groups()[0].options()).momentum(0);
  EXPECT_EQ(fused.layout(fused.taken()), layout);
  twins.ours[0].set_data(twins.ours[0].detach().clone());
  EXPECT_NE(fused.layout(fused.taken()), layout);
  // New groups have new memory for their options.
  const auto moved = fused.layout(fused.taken());
  own.add_param_group(OptimizerParamGroup({torch::ones({2}).requires_grad_()}));
  fused.refresh();
  EXPECT_NE(fused.layout(fused.taken()), moved);
}

TEST(GpuFused, LeavesParametersThatShareMemoryToLibTorch) {
  const at::Tensor both = torch::ones({4});
  at::Tensor one = both.narrow(0, 0, 2).requires_grad_(),
             two = both.narrow(0, 1, 2).requires_grad_();
  one.mutable_grad() = torch::ones({2});
  two.mutable_grad() = torch::ones({2});
  SGD own({one, two}, SGDOptions(0.1));
  GpuFused<FusedSgd> fused(own, at::kCPU, {}, launch_here<FusedSgd>);
  EXPECT_FALSE(fused.step(&kPlain));
  EXPECT_TRUE(torch::equal(both, torch::ones({4})));
}

}  // namespace
}  // namespace accelerate::internal
