// Adam and AdamW with moments in bfloat16.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "accelerate/optim/fused_adam.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/optim/launch_here.h"
#include "accelerate/optim/lion.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using internal::FusedAdamW;
using internal::GpuFused;
using torch::optim::AdamW;
using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;

constexpr kernels::Step kPlain;
constexpr MomentOptions kRounded = {.type = MomentType::kBf16, .seed = 3};

// Parameters and an AdamW of theirs; two that are made alike have the same values.
struct Training {
  explicit Training(const AdamWOptions& options = AdamWOptions(1e-2)) {
    torch::manual_seed(1);
    for (const auto& shape :
         std::vector<std::vector<int64_t>>{{33, 7}, {5}, {}, {0}, {2, 3, 4, 5}, {70001}})
      parameters.push_back(torch::randn(shape));
    parameters[4] = parameters[4].contiguous(at::MemoryFormat::ChannelsLast);
    for (at::Tensor& each : parameters) each.requires_grad_();
    adamw = std::make_unique<AdamW>(parameters, options);
  }

  void set_gradients(int step) {
    torch::manual_seed(100 + step);
    for (at::Tensor& each : parameters) each.mutable_grad() = torch::randn_like(each.detach());
  }
  void steps(FusedOptimizer& fused, int from, int to) {
    for (int step = from; step < to; ++step) {
      set_gradients(step);
      ASSERT_TRUE(fused.step(&kPlain));
    }
  }
  AdamWParamState& state(size_t i) {
    return static_cast<AdamWParamState&>(*adamw->state().at(parameters[i].unsafeGetTensorImpl()));
  }
  void expect_same_bits(Training& other) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_TRUE(torch::equal(parameters[i], other.parameters[i])) << i;
      EXPECT_TRUE(torch::equal(state(i).exp_avg(), other.state(i).exp_avg())) << i;
      EXPECT_TRUE(torch::equal(state(i).exp_avg_sq(), other.state(i).exp_avg_sq())) << i;
    }
  }

  std::vector<at::Tensor> parameters;
  std::unique_ptr<AdamW> adamw;
};

void move_state(Training& from, Training& to) {
  std::stringstream saved;
  torch::save(*from.adamw, saved);
  torch::load(*to.adamw, saved);
}

TEST(RoundedMoments, AreOfBFloat16AndStepNearlyAsThoseOfFp32) {
  const auto options = AdamWOptions(1e-2).amsgrad(true);
  Training rounded(options), exact(options);
  const auto fused = FusedOptimizer::make(*rounded.adamw, kRounded);
  ASSERT_NE(fused, nullptr);
  rounded.steps(*fused, 0, 100);
  exact.steps(*FusedOptimizer::make(*exact.adamw), 0, 100);
  for (size_t i = 0; i < rounded.parameters.size(); ++i) {
    AdamWParamState& state = rounded.state(i);
    EXPECT_EQ(state.exp_avg().scalar_type(), at::kBFloat16);
    EXPECT_EQ(state.exp_avg_sq().scalar_type(), at::kBFloat16);
    EXPECT_EQ(state.max_exp_avg_sq().scalar_type(), at::kFloat);
    EXPECT_EQ(state.exp_avg().strides(), rounded.parameters[i].strides());
    EXPECT_EQ(state.step(), 100);
    const at::Tensor change = (rounded.parameters[i] - exact.parameters[i]).detach();
    if (change.numel() == 0) continue;
    // A step is 0.01 at most, so that all of them could make a difference of 2.
    EXPECT_LT(change.abs().max().item<double>(), 0.05) << i;
  }
  // On average nothing is lost.
  const at::Tensor ours = rounded.state(5).exp_avg_sq().to(at::kDouble);
  const at::Tensor theirs = exact.state(5).exp_avg_sq().to(at::kDouble);
  EXPECT_NEAR((ours.sum() / theirs.sum()).item<double>(), 1, 1e-3);
}

TEST(RoundedMoments, HaveTheSameBitsWithAnyNumberOfThreads) {
  Training one, two;
  at::set_num_threads(1);
  one.steps(*FusedOptimizer::make(*one.adamw, kRounded), 0, 5);
  at::set_num_threads(2);
  two.steps(*FusedOptimizer::make(*two.adamw, kRounded), 0, 5);
  at::set_num_threads(1);
  one.expect_same_bits(two);
}

TEST(RoundedMoments, DependOnTheSeed) {
  Training one, two;
  one.steps(*FusedOptimizer::make(*one.adamw, kRounded), 0, 5);
  two.steps(*FusedOptimizer::make(*two.adamw, {.type = MomentType::kBf16, .seed = 4}), 0, 5);
  EXPECT_FALSE(torch::equal(one.state(0).exp_avg(), two.state(0).exp_avg()));
  EXPECT_FALSE(torch::equal(one.parameters[0], two.parameters[0]));
}

TEST(RoundedMoments, GoOnFromWhatWasSavedToTheSameBits) {
  Training whole, before, after;
  whole.steps(*FusedOptimizer::make(*whole.adamw, kRounded), 0, 6);
  before.steps(*FusedOptimizer::make(*before.adamw, kRounded), 0, 3);
  move_state(before, after);
  for (size_t i = 0; i < after.parameters.size(); ++i)
    after.parameters[i].detach().copy_(before.parameters[i].detach());
  EXPECT_EQ(after.state(0).exp_avg().scalar_type(), at::kBFloat16);
  after.steps(*FusedOptimizer::make(*after.adamw, kRounded), 3, 6);
  after.expect_same_bits(whole);
}

TEST(RoundedMoments, TakeStateOfFp32RoundedToTheNearest) {
  Training saved, one, two;
  saved.steps(*FusedOptimizer::make(*saved.adamw), 0, 3);
  move_state(saved, one);
  move_state(saved, two);
  for (size_t i = 0; i < two.parameters.size(); ++i) {
    two.state(i).exp_avg(two.state(i).exp_avg().to(at::kBFloat16));
    two.state(i).exp_avg_sq(two.state(i).exp_avg_sq().to(at::kBFloat16));
  }
  one.steps(*FusedOptimizer::make(*one.adamw, kRounded), 3, 4);
  two.steps(*FusedOptimizer::make(*two.adamw, kRounded), 3, 4);
  EXPECT_EQ(one.state(0).exp_avg().scalar_type(), at::kBFloat16);
  one.expect_same_bits(two);
}

TEST(RoundedMoments, BecomeFp32WhereTheOptionIsOff) {
  Training saved, one, two;
  saved.steps(*FusedOptimizer::make(*saved.adamw, kRounded), 0, 3);
  move_state(saved, one);
  move_state(saved, two);
  for (size_t i = 0; i < two.parameters.size(); ++i) {
    two.state(i).exp_avg(two.state(i).exp_avg().to(at::kFloat));
    two.state(i).exp_avg_sq(two.state(i).exp_avg_sq().to(at::kFloat));
  }
  one.steps(*FusedOptimizer::make(*one.adamw), 3, 4);
  two.steps(*FusedOptimizer::make(*two.adamw), 3, 4);
  EXPECT_EQ(one.state(0).exp_avg().scalar_type(), at::kFloat);
  one.expect_same_bits(two);
}

TEST(RoundedMoments, StayAsTheyAreInAStepWithAnOverflow) {
  Training one, two;
  const auto fused = FusedOptimizer::make(*one.adamw, kRounded);
  const kernels::Step overflow = {.overflow = 1};
  one.set_gradients(9);
  EXPECT_TRUE(fused->step(&overflow));
  EXPECT_TRUE(one.adamw->state().empty());
  one.steps(*fused, 0, 2);
  EXPECT_TRUE(fused->step(&overflow));
  one.steps(*fused, 2, 3);
  two.steps(*FusedOptimizer::make(*two.adamw, kRounded), 0, 3);
  one.expect_same_bits(two);
}

TEST(RoundedMoments, AreTheSameByWayOfAGpusKernel) {
  const auto options = AdamWOptions(1e-2).amsgrad(true);
  Training there(options), plain(options);
  GpuFused<FusedAdamW> fused(*there.adamw, at::kCPU, kRounded, internal::launch_here<FusedAdamW>);
  there.steps(fused, 0, 3);
  // The device's counts are overwritten, and the seeds are not.
  there.state(5).step(7);
  plain.steps(*FusedOptimizer::make(*plain.adamw, kRounded), 0, 3);
  plain.state(5).step(7);
  there.steps(fused, 3, 6);
  plain.steps(*FusedOptimizer::make(*plain.adamw, kRounded), 3, 6);
  for (const size_t i : {0, 5}) {
    // But for what the compiler of this test may round otherwise; by other chances half would be.
    const at::Tensor same = there.state(i).exp_avg_sq() == plain.state(i).exp_avg_sq();
    EXPECT_GT(same.to(at::kFloat).mean().item<double>(), 0.999) << i;
  }
  EXPECT_EQ(there.state(0).exp_avg().scalar_type(), at::kBFloat16);
  EXPECT_EQ(there.state(0).max_exp_avg_sq().scalar_type(), at::kFloat);
  EXPECT_TRUE(fused.is_fresh());
  // A replay would take it for bfloat16.
  there.state(0).exp_avg(there.state(0).exp_avg().to(at::kFloat));
  EXPECT_FALSE(fused.is_fresh());
  there.steps(fused, 6, 7);
  EXPECT_TRUE(fused.is_fresh());
}

TEST(RoundedMoments, AreNotForOtherOptimizersAndParameters) {
  const at::Tensor weight = torch::ones({3}).requires_grad_();
  const auto refusal = [](torch::optim::Optimizer& optimizer) {
    return message_of([&] { FusedOptimizer::make(optimizer, kRounded); });
  };
  torch::optim::SGD sgd({weight}, 0.1);
  EXPECT_NE(refusal(sgd).find("this optimizer is torch::optim::SGD"), std::string::npos);
  Lion lion({weight}, LionOptions(1e-3));
  EXPECT_NE(refusal(lion).find("this optimizer is accelerate::Lion"), std::string::npos);
  struct Derived : AdamW {
    using AdamW::AdamW;
  };
  Derived derived({weight}, AdamWOptions(1e-3));
  EXPECT_NE(refusal(derived).find("Derived; use one of those"), std::string::npos);
  AdamW of_doubles({torch::ones({3, 2}, at::kDouble).requires_grad_()});
  EXPECT_NE(refusal(of_doubles).find("one of type Double and sizes [3, 2] on cpu"),
            std::string::npos);
  AdamW of_halves({weight, torch::ones({3}, at::kHalf).requires_grad_()});
  EXPECT_NE(refusal(of_halves).find("one of type Half"), std::string::npos);
}

TEST(RoundedMoments, AreNotLeftToLibTorchsOwnStep) {
  at::Tensor table = torch::randn({4, 2}).requires_grad_();
  AdamW adamw({table}, AdamWOptions(1e-3));
  const auto fused = FusedOptimizer::make(adamw, kRounded);
  torch::embedding(table, torch::tensor({1}), -1, false, /*sparse=*/true).sum().backward();
  const at::Tensor before = table.detach().clone();
  EXPECT_NE(message_of([&] { fused->step(&kPlain); }).find("an embedding without `sparse`"),
            std::string::npos);
  // The program has converted the model in the meantime.
  table.set_data(table.detach().to(at::kDouble));
  table.mutable_grad() = torch::ones_like(table.detach());
  EXPECT_NE(message_of([&] { fused->step(&kPlain); }).find("moments of AdamW in bfloat16"),
            std::string::npos);
  EXPECT_TRUE(torch::equal(table.detach().to(at::kFloat), before));
}

}  // namespace
}  // namespace accelerate
