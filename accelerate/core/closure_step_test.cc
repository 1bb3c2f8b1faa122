// Optimizers that evaluate the loss themselves. Runs on one process and on several; every test runs
// on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::LBFGS;
using torch::optim::LBFGSOptions;

// Of all ranks together, and of one.
at::Tensor batch(int64_t size) {
  torch::manual_seed(3);
  return torch::randn({4 * size, 1});
}
template <class Accelerator>
at::Tensor part(Accelerator& accelerator, const at::Tensor& all) {
  return all.narrow(0, 4 * accelerator.process_index(), 4);
}
at::Tensor loss_of(const at::Tensor& y, const at::Tensor& x) {
  return (y - x.sin() * 3).square().mean();
}

// Trains one net by the handle and its twin by LibTorch, and returns how far they are apart.
template <class Accelerator, class Optimizer>
double distance_to_plain(Accelerator& accelerator,
                         const std::function<Optimizer(const std::vector<at::Tensor>&)>& make) {
  auto net = small_net(), twin = small_net();
  copy_parameters(*net, *twin);
  Optimizer own = make(net->parameters()), plain = make(twin->parameters());
  auto [model, optimizer] = accelerator.prepare(net, own);
  const at::Tensor all = batch(accelerator.num_processes()), mine = part(accelerator, all);
  for (int step = 0; step < 4; ++step) {
    const at::Tensor loss = optimizer.step([&, &model = model, &optimizer = optimizer] {
      optimizer.zero_grad();
      at::Tensor loss = loss_of(model(mine), mine);
      accelerator.backward(loss);
      accelerator.clip_grad_norm(model, 10.0);
      return loss;
    });
    const at::Tensor plain_loss = plain.step([&] {
      plain.zero_grad();
      at::Tensor loss = loss_of(twin->forward(all), all);
      loss.backward();
      torch::nn::utils::clip_grad_norm_(twin->parameters(), 10.0);
      return loss;
    });
    EXPECT_NEAR(loss.item<double>(), plain_loss.item<double>(),
                1e-3 + 0.01 * plain_loss.item<double>());
  }
  return largest_difference(*net, *twin);
}

TEST(ClosureStep, OfLbfgsIsThatOfAllData) {
  Full accelerator;
  torch::manual_seed(5);
  const auto make = [](const std::vector<at::Tensor>& parameters) {
    return LBFGS(parameters, LBFGSOptions(0.5).max_iter(5).line_search_fn("strong_wolfe"));
  };
  EXPECT_LT((distance_to_plain<Full, LBFGS>(accelerator, make)), 2e-3);
}

TEST(ClosureStep, OfAnOptimizerWithAFusedFormIsAnyOtherStep) {
  torch::manual_seed(5);
  const auto make = [](const std::vector<at::Tensor>& parameters) {
    return torch::optim::SGD(parameters, torch::optim::SGDOptions(0.05).momentum(0.9));
  };
  Full full;
  EXPECT_LT((distance_to_plain<Full, torch::optim::SGD>(full, make)), 1e-5);
  // With a loss scale, of which no step is skipped.
  Half half({.loss_scale = {.init_scale = 128}});
  EXPECT_LT((distance_to_plain<Half, torch::optim::SGD>(half, make)), 2e-2);
  BFloat bfloat;
  EXPECT_LT((distance_to_plain<BFloat, torch::optim::SGD>(bfloat, make)), 5e-2);
}

TEST(ClosureStep, LeavesNoDoubtWhereItCannotBeRight) {
  auto net = small_net();
  LBFGS lbfgs(net->parameters(), 0.1);
  const at::Tensor x = torch::ones({2, 1});
  const auto message = [&](auto& accelerator, auto&& around) {
    auto [model, optimizer] = accelerator.prepare(net, lbfgs);
    return message_of([&, &model = model, &optimizer = optimizer] {
      around(model, optimizer, [&] {
        optimizer.step([&] {
          optimizer.zero_grad();
          at::Tensor loss = model(x).square().mean();
          accelerator.backward(loss);
          return loss;
        });
      });
    });
  };
  const auto plain = [](auto&, auto&, const auto& step) { step(); };
  {
    Half accelerator;
    EXPECT_THAT(message(accelerator, plain), HasSubstr("the fp16 loss scale"));
  }
  {
    BFloat accelerator;
    EXPECT_EQ(message(accelerator, plain), "no error");
  }
  for (const int64_t window : {1, 2}) {
    Full accelerator({.gradient_accumulation_steps = window});
    const std::string found = message(accelerator, [&](auto& model, auto&, const auto& step) {
      for (int i = 0; i < 2; ++i) {
        auto scope = accelerator.accumulate(model);
        step();
      }
    });
    if (window == 1) {
      EXPECT_EQ(found, "no error");
    } else {
      EXPECT_THAT(found, HasSubstr("within a window of accumulate()"));
    }
  }
  {
    Full accelerator;
    const std::string found = message(accelerator, [&](auto& model, auto&, const auto& step) {
      auto scope = accelerator.no_sync(model);
      step();
    });
    EXPECT_THAT(found, HasSubstr("within no_sync()"));
    if (accelerator.num_processes() == 1) return;
    const std::string in_join = message(accelerator, [&](auto&, auto&, const auto& step) {
      auto scope = accelerator.join_uneven_inputs();
      step();
    });
    EXPECT_THAT(in_join, HasSubstr("join_uneven_inputs()"));
  }
}

TEST(ClosureStep, KeepsAStepFromBeingCapturedAndIsRightAllTheSame) {
  Full accelerator;
  torch::manual_seed(5);
  auto net = small_net(), twin = small_net();
  copy_parameters(*net, *twin);
  torch::optim::SGD sgd(net->parameters(), 0.05), plain(twin->parameters(), 0.05);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor all = batch(accelerator.num_processes()), mine = part(accelerator, all);
  auto step = accelerator.capture(
      [&, &model = model, &optimizer = optimizer](const at::Tensor& x) {
        return optimizer.step([&] {
          optimizer.zero_grad();
          at::Tensor loss = loss_of(model(x), x);
          accelerator.backward(loss);
          return loss;
        });
      },
      {.warm_up_steps = 1});
  for (int i = 0; i < 5; ++i) {
    step(mine);
    plain.zero_grad();
    loss_of(twin->forward(all), all).backward();
    plain.step();
  }
  EXPECT_LT(largest_difference(*net, *twin), 1e-5);
}

}  // namespace
}  // namespace accelerate
