// What a program sees of gradients, moments and parameters that are cut over the processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "accelerate/core/accelerator.h"
#include "accelerate/sharding/sharded_test_model.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::HasSubstr;

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
  EXPECT_THAT(message_of([&] { accelerator.backward(loss); }), HasSubstr("outside of no_sync()"));
}

TEST_F(Zero2, RefusesAStepWithinNoSync) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  auto scope = accelerator.no_sync(model);
  accelerator.backward(model(batch()).sum());
  EXPECT_THAT(message_of([&, &optimizer = optimizer] { optimizer.step(); }),
              HasSubstr("this step is within no_sync()"));
}

TEST_F(Zero2, RefusesAPlainBackwardOverParts) {
  auto [model, optimizer] = accelerator.prepare(net, adamw);
  accelerator.backward(model(batch()).sum());
  const at::Tensor loss = model(batch()).sum();
  EXPECT_THAT(message_of([&] { loss.backward(); }), HasSubstr("cut over the processes"));
}

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
              HasSubstr("share memory"));
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

// As a program may that clips or rounds by itself; in the last step before another pass.
TEST_F(Zero2, TakesAGradientThatGotOtherMemory) {
  const auto after = []<class Strategy>() {
    Accelerator<Strategy, Fp32> accelerator;
    torch::manual_seed(3);
    Mixed net;
    torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
    auto [model, optimizer] = accelerator.prepare(net, sgd);
    for (int step = 1; step <= 4; ++step) {
      const at::Tensor x = torch::randn({4, 6}) + step * (accelerator.process_index() + 1);
      optimizer.zero_grad();
      accelerator.backward(model(x).square().mean());
      for (at::Tensor& each : net->parameters())
        for (int change = 0; change < 2; ++change)
          each.mutable_grad().set_data(accelerator.whole_gradient(each).sin());
      if (step == 4) accelerator.backward(model(2 * x).sin().mean());
      optimizer.step();
    }
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

}  // namespace
}  // namespace accelerate
