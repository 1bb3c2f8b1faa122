// Models and programs that change while they train in parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/sharding/sharded_test_model.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;

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

// One rank keeps the memory of a weight and gives the weight a copy.
template <class Strategy>
std::vector<at::Tensor> after_one_rank_kept_memory() {
  Accelerator<Strategy, Fp32> accelerator;
  torch::manual_seed(3);
  Mixed net;
  auto adamw = make_adamw(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, *adamw);
  at::Tensor kept, copy;
  for (int step = 0; step < 5; ++step) {
    torch::manual_seed(step + 100 * accelerator.process_index());
    accelerator.backward(model(torch::randn({4, 6})).square().mean());
    if (step == 2 && accelerator.is_main_process()) {
      kept = net->first->weight.data();
      copy = kept.clone();
      net->first->weight.set_data(copy.clone());
    }
    optimizer.step();
    optimizer.zero_grad();
  }
  if (kept.defined()) {
    EXPECT_TRUE(kept.equal(copy));
  }
  return values_of(*net);
}

TEST(ShardedTraining, GoesOnWhenOneRankKeepsMemory) {
  const auto whole = after_one_rank_kept_memory<MultiCpu>();
  expect_equal(after_one_rank_kept_memory<Zero1Cpu>(), whole);
  expect_equal(after_one_rank_kept_memory<Zero2Cpu>(), whole);
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
