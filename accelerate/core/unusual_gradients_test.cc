// Gradients of unusual kinds and of parameters that come and go, beside plain LibTorch on the data
// of all processes. Runs on one process and on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::SGD;
using torch::optim::SGDOptions;

// Both by LibTorch's backward on the mean of all ranks' losses, and by the Accelerator's.
template <class Accelerator, class LossOf>
void backward(Accelerator* accelerator, int size, LossOf loss_of) {
  if (accelerator != nullptr) return accelerator->backward(loss_of(accelerator->process_index()));
  at::Tensor total = torch::zeros({});
  for (int rank = 0; rank < size; ++rank) total = total + loss_of(rank) / size;
  total.backward();
}

struct ComplexNet : torch::nn::Module {
  ComplexNet() {
    weight = register_parameter("weight",
                                torch::complex(torch::linspace(0, 1, 3), torch::linspace(1, 2, 3)));
    table = register_buffer("table", torch::complex(torch::ones({3}), -torch::ones({3})));
  }
  at::Tensor forward(const at::Tensor& x) {
    return torch::view_as_real(weight * weight * x * table).square().sum();
  }
  at::Tensor weight, table;
};

TEST(UnusualGradients, OfComplexParametersTrainAsInLibTorch) {
  Full accelerator;
  const int size = accelerator.num_processes();
  auto net = std::make_shared<ComplexNet>(), twin = std::make_shared<ComplexNet>();
  // Rank 0's are everybody's.
  if (!accelerator.is_main_process()) {
    torch::NoGradGuard no_grad;
    net->weight.zero_();
    net->table.zero_();
  }
  const auto options = SGDOptions(0.01).momentum(0.9);
  SGD sgd(net->parameters(), options), plain(twin->parameters(), options);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  for (int step = 0; step < 4; ++step) {
    const auto x = [step](int rank) { return torch::full({3}, 0.1 * (rank + 1 + step)); };
    optimizer.zero_grad();
    backward(&accelerator, size, [&, &model = model](int rank) { return model(x(rank)); });
    accelerator.clip_grad_norm(model, 1.0);
    optimizer.step();
    plain.zero_grad();
    backward<Full>(nullptr, size, [&](int rank) { return twin->forward(x(rank)); });
    torch::nn::utils::clip_grad_norm_(twin->parameters(), 1.0);
    plain.step();
  }
  EXPECT_LT((net->weight - twin->weight).abs().max().item<double>(), 1e-5);
}

struct Table : torch::nn::Module {
  Table() {
    rows = register_module("rows",
                           torch::nn::Embedding(torch::nn::EmbeddingOptions(20, 2).sparse(true)));
    head = register_module("head", torch::nn::Linear(2, 1));
  }
  at::Tensor forward(const at::Tensor& indices) { return head(rows(indices)).square().sum(); }
  torch::nn::Embedding rows{nullptr};
  torch::nn::Linear head{nullptr};
};

template <class Accelerator>
double distance_of_tables(Accelerator& accelerator, bool captured) {
  const int size = accelerator.num_processes();
  torch::manual_seed(4);
  auto net = std::make_shared<Table>(), twin = std::make_shared<Table>();
  copy_parameters(*net, *twin);
  SGD sgd(net->parameters(), 0.1), plain(twin->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const auto train = [&, &model = model, &optimizer = optimizer](const at::Tensor& indices) {
    optimizer.zero_grad();
    at::Tensor loss = model(indices);
    accelerator.backward(loss);
    accelerator.clip_grad_norm(model, 5.0);
    optimizer.step();
    return loss.detach();
  };
  auto step = accelerator.capture(train);
  for (int i = 0; i < 8; ++i) {
    const auto indices = [i](int rank) {
      return torch::tensor({i % 3, rank + 1, rank + 1, (7 * rank + i) % 20}, at::kLong);
    };
    const at::Tensor mine = indices(accelerator.process_index());
    if (captured) {
      step(mine);
    } else {
      train(mine);
    }
    plain.zero_grad();
    backward<Accelerator>(nullptr, size, [&](int rank) { return twin->forward(indices(rank)); });
    // Coalesced, as a norm needs it.
    auto& gradient = twin->rows->weight.mutable_grad();
    gradient = gradient.coalesce();
    double squares = gradient._values().square().sum().item<double>();
    for (const auto& each : twin->head->parameters())
      squares += each.grad().square().sum().item<double>();
    const double factor = std::min(1.0, 5.0 / (std::sqrt(squares) + 1e-6));
    gradient._values().mul_(factor);
    for (const auto& each : twin->head->parameters()) each.mutable_grad().mul_(factor);
    plain.step();
  }
  return largest_difference(*net, *twin);
}

TEST(UnusualGradients, ThatAreSparseTrainAsInLibTorch) {
  Full full;
  EXPECT_LT(distance_of_tables(full, /*captured=*/false), 1e-5);
  EXPECT_LT(distance_of_tables(full, /*captured=*/true), 1e-5);
  // Of which no step is skipped.
  Half half({.loss_scale = {.init_scale = 128}});
  EXPECT_LT(distance_of_tables(half, /*captured=*/false), 2e-2);
}

// Which of its layers a call uses is the data's affair.
struct Experts : torch::nn::Module {
  Experts() {
    for (int i = 0; i < 3; ++i) register_module("e" + std::to_string(i), torch::nn::Linear(2, 1));
    layers = modules(/*include_self=*/false);
  }
  at::Tensor forward(const at::Tensor& x, int64_t expert) {
    return layers[expert]->as<torch::nn::Linear>()->forward(x).square().sum();
  }
  std::vector<std::shared_ptr<torch::nn::Module>> layers;
};

void train_experts(bool captured) {
  Full accelerator({.gradients = {.find_unused_parameters = true}});
  const int size = accelerator.num_processes();
  torch::manual_seed(4);
  auto net = std::make_shared<Experts>(), twin = std::make_shared<Experts>();
  copy_parameters(*net, *twin);
  // Weight decay, which would show in the expert that nobody uses.
  const auto options = SGDOptions(0.05).momentum(0.5).weight_decay(0.1);
  SGD sgd(net->parameters(), options), plain(twin->parameters(), options);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const at::Tensor unused = net->layers[2]->parameters()[0].detach().clone();
  const auto train = [&, &model = model, &optimizer = optimizer](const at::Tensor& x,
                                                                 int64_t expert) {
    optimizer.zero_grad();
    accelerator.backward(model(x, expert));
    optimizer.step();
  };
  auto step = accelerator.capture(train);
  for (int i = 0; i < 24; ++i) {
    // In some steps all use the first, so that ranks see one step of theirs among different others.
    const auto expert = [i](int rank) { return i % 3 == 2 ? 0 : (i / 4 + rank) % 2; };
    const auto x = [i](int rank) { return torch::full({3, 2}, 0.1 * (rank + 1) - 0.05 * i); };
    const int rank = accelerator.process_index();
    if (captured) {
      step(x(rank), expert(rank));
    } else {
      train(x(rank), expert(rank));
    }
    plain.zero_grad();
    backward<Full>(nullptr, size, [&](int r) { return twin->forward(x(r), expert(r)); });
    plain.step();
  }
  EXPECT_LT(largest_difference(*net, *twin), 1e-5) << (captured ? "captured" : "as it is");
  EXPECT_TRUE(torch::equal(net->layers[2]->parameters()[0], unused));
}

TEST(UnusualGradients, OfWhatOnlySomeRanksUsedAreAveragedWithZeros) {
  train_experts(/*captured=*/false);
  train_experts(/*captured=*/true);
}

struct Doubling : torch::autograd::PostAccumulateGradHook {
  void operator()(const at::Tensor& parameter) override {
    torch::NoGradGuard no_grad;
    parameter.grad().mul_(2);
  }
};

TEST(UnusualGradients, AreAveragedAlsoWhereTheProgramHasTakenTheHook) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "needs several processes";
  // Of two models, so that what none of them tells is not averaged.
  auto one = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  auto two = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  SGD sgd(one->parameters(), 1.0);
  auto [model_one, model_two, optimizer] = accelerator.prepare(one, two, sgd);
  const at::Tensor x = torch::full({1, 1}, accelerator.process_index() + 1.0);
  const double mean = (accelerator.num_processes() + 1) / 2.0;
  const auto take = [&one] {
    torch::autograd::impl::set_post_acc_grad_hooks(one->weight, std::make_unique<Doubling>());
  };
  take();
  for (int i = 0; i < 2; ++i) {
    optimizer.zero_grad();
    accelerator.backward(model_one(x).sum());
    EXPECT_NEAR(one->weight.grad().item<double>(), 2 * mean, 1e-6);
    optimizer.step();
  }
  // Nor does a step take what is not averaged.
  take();
  optimizer.zero_grad();
  one->forward(x).sum().backward();
  const std::string message = message_of([&, &optimizer = optimizer] { optimizer.step(); });
  EXPECT_THAT(message, HasSubstr("not averaged"));
  optimizer.zero_grad();
}

TEST(UnusualGradients, AreKeptWhenAnotherLayerIsUnfrozen) {
  Full accelerator;
  const int size = accelerator.num_processes();
  torch::manual_seed(4);
  auto one = small_net(), two = small_net(), twin_one = small_net(), twin_two = small_net();
  copy_parameters(*one, *twin_one);
  copy_parameters(*two, *twin_two);
  const auto freeze = [](torch::nn::Sequential& net, bool frozen) {
    for (auto& each : net[0]->parameters()) each.set_requires_grad(!frozen);
  };
  freeze(two, true);
  freeze(twin_two, true);
  SGD sgd_one(one->parameters(), 0.05), sgd_two(two->parameters(), 0.05);
  SGD plain_one(twin_one->parameters(), 0.05), plain_two(twin_two->parameters(), 0.05);
  auto [model_one, model_two, optimizer_one, optimizer_two] =
      accelerator.prepare(one, two, sgd_one, sgd_two);
  for (int i = 0; i < 5; ++i) {
    const auto x = [i](int rank) { return torch::full({3, 1}, 0.1 * (rank + 1) - 0.05 * i); };
    optimizer_one.zero_grad();
    optimizer_two.zero_grad();
    {
      auto scope = accelerator.no_sync(model_one, model_two);
      backward(&accelerator, size, [&](int r) { return two->forward(x(r)).square().sum(); });
    }
    if (i == 2) freeze(two, false);
    backward(&accelerator, size, [&](int r) { return one->forward(x(r)).square().sum(); });
    optimizer_one.step();
    // Means remain means, too, and may still be stepped with when their parameter is frozen.
    if (i == 3) {
      for (auto& each : two[2]->parameters()) each.set_requires_grad(false);
      freeze(one, true);
      freeze(one, false);
    }
    optimizer_two.step();
    if (i == 3) {
      for (auto& each : two[2]->parameters()) each.set_requires_grad(true);
    }
    plain_one.zero_grad();
    plain_two.zero_grad();
    backward<Full>(nullptr, size, [&](int r) { return twin_two->forward(x(r)).square().sum(); });
    if (i == 2) freeze(twin_two, false);
    backward<Full>(nullptr, size, [&](int r) { return twin_one->forward(x(r)).square().sum(); });
    plain_one.step();
    plain_two.step();
  }
  EXPECT_LT(largest_difference(*one, *twin_one), 1e-5);
  EXPECT_LT(largest_difference(*two, *twin_two), 1e-5);
}

}  // namespace
}  // namespace accelerate
