// Accelerator::join_uneven_inputs(). Every test runs on each number of processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;
using torch::optim::AdamWOptions;

TEST(UnevenInputs, LetRanksWithoutDataWaitAndCatchUp) {
  Full accelerator;
  torch::manual_seed(9);
  torch::nn::Sequential net(torch::nn::Linear(1, 4), torch::nn::BatchNorm1d(4),
                            torch::nn::Linear(4, 1));
  torch::optim::AdamW adamw(net->parameters(), AdamWOptions(0.01));
  LambdaLR schedule(adamw, [](int64_t step) { return 1.0 / static_cast<double>(1 + step); });
  auto [model, optimizer, scheduler] = accelerator.prepare(net, adamw, schedule);
  // Rank r has r + 1 batches but rank 1, which has none.
  const int rank = accelerator.process_index(), size = accelerator.num_processes();
  const int batches = rank == 1 ? 0 : rank + 1;
  for (int epoch = 0; epoch < 2; ++epoch) {
    auto scope = accelerator.join_uneven_inputs();
    for (int i = 0; i < batches; ++i) {
      optimizer.zero_grad();
      accelerator.backward(model(torch::full({2, 1}, i + 1.0)).square().sum());
      optimizer.step();
      scheduler.step();
    }
  }
  std::vector<at::Tensor> pieces;
  for (const auto& each : net->parameters()) pieces.push_back(each.detach().flatten());
  for (const auto& each : net->buffers()) pieces.push_back(each.flatten().to(at::kFloat));
  for (const auto& each : net->parameters()) {
    const auto& state = static_cast<const torch::optim::AdamWParamState&>(
        *adamw.state().at(each.unsafeGetTensorImpl()));
    pieces.push_back(state.exp_avg().flatten());
    pieces.push_back(torch::tensor({static_cast<float>(state.step())}));
    if (size > 1) {
      EXPECT_EQ(state.step(), 2 * size);
    }
  }
  pieces.push_back(torch::tensor(
      {static_cast<float>(schedule.last_epoch()), static_cast<float>(schedule.rates()[0])}));
  const at::Tensor all = accelerator.gather(torch::cat(pieces).view({1, -1}));
  for (int other = 1; other < size; ++other) EXPECT_TRUE(torch::equal(all[0], all[other]));
  // And everything goes on as before.
  accelerator.backward(model(torch::ones({2, 1})).sum());
  optimizer.step();
}

TEST(UnevenInputs, SumUpWhatTheOthersHave) {
  Full accelerator;
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 1.0);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const double before = net->weight.item<double>();
  const int size = accelerator.num_processes();
  {
    auto scope = accelerator.join_uneven_inputs();
    // Only the last rank has data.
    if (accelerator.process_index() + 1 == size) {
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
    }
  }
  EXPECT_NEAR(net->weight.item<double>(), before - 1.0 / size, 1e-6);
}

// Whose moments are members that LibTorch does not know.
struct Momentum : torch::optim::Optimizer {
  explicit Momentum(std::vector<at::Tensor> parameters)
      : Optimizer({torch::optim::OptimizerParamGroup(std::move(parameters))},
                  std::make_unique<torch::optim::SGDOptions>(0.1)) {}
  at::Tensor step(LossClosure) override {
    torch::NoGradGuard no_grad;
    for (at::Tensor& each : param_groups()[0].params()) {
      moment = moment.defined() ? moment * 0.9 + each.grad() : each.grad().clone();
      each.sub_(moment, 0.1);
    }
    return {};
  }
  at::Tensor moment;
};

TEST(UnevenInputs, RefuseOptimizersWhoseStateCannotBeSent) {
  Full accelerator;
  if (accelerator.num_processes() == 1) GTEST_SKIP() << "nothing is sent on one process";
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  Momentum momentum(net->parameters());
  auto [model, optimizer] = accelerator.prepare(net, momentum);
  const std::string message = message_of([&, &model = model, &optimizer = optimizer] {
    auto scope = accelerator.join_uneven_inputs();
    accelerator.backward(model(torch::ones({1, 1})).sum());
    optimizer.step();
  });
  EXPECT_THAT(message, HasSubstr("has no save()"));
}

TEST(UnevenInputs, TakeOverTheSchedulesOfWhoHadMostBatches) {
  Full accelerator({.gradient_accumulation_steps = 4, .step_scheduler_with_optimizer = false});
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  StepLR schedule(sgd, {.step_size = 1, .gamma = 0.5});
  auto [model, optimizer, scheduler] = accelerator.prepare(net, sgd, schedule);
  const int batches = accelerator.process_index() == 0 ? 6 : 5;
  {
    auto scope = accelerator.join_uneven_inputs();
    for (int i = 0; i < batches; ++i) {
      auto window = accelerator.accumulate(model);
      optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
      scheduler.step();
    }
  }
  EXPECT_EQ(schedule.last_epoch(), 6);
  EXPECT_EQ(sgd.param_groups()[0].options().get_lr(), 0.1 / 64);
}

TEST(UnevenInputs, BeginWindowsAnewOnAnyNumberOfProcesses) {
  Full accelerator({.gradient_accumulation_steps = 2});
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  int updates = 0;
  for (int round = 0; round < 2; ++round) {
    auto scope = accelerator.join_uneven_inputs();
    for (int i = 0; i < 3; ++i) {
      auto window = accelerator.accumulate(model);
      accelerator.backward(model(torch::ones({1, 1})).sum());
      updates += accelerator.sync_gradients();
      optimizer.step();
      optimizer.zero_grad();
    }
  }
  EXPECT_EQ(updates, 2);
}

TEST(UnevenInputs, DoNotWaitForAModelThatIsGone) {
  Full accelerator;
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  {
    auto teacher = small_net();
    auto prepared = accelerator.prepare(teacher);
    prepared(torch::ones({1, 1}));
  }
  auto scope = accelerator.join_uneven_inputs();
  for (int i = 0; i < (accelerator.process_index() == 1 ? 0 : 3); ++i) {
    optimizer.zero_grad();
    accelerator.backward(model(torch::ones({1, 1})).square().mean());
    optimizer.step();
  }
}

TEST(UnevenInputs, MayLeaveTheLastRoundUneven) {
  Full accelerator;
  const int size = accelerator.num_processes(), rank = accelerator.process_index();
  auto net = small_net();
  auto [model, loader] =
      accelerator.prepare(net, DataLoader(Line(size + 1, at::kFloat), {.batch_size = 1}));
  const auto count = [&] {
    int batches = 0;
    for (auto& batch : loader) {
      accelerator.backward(torch::mse_loss(model(batch.data), batch.target));
      ++batches;
    }
    return batches;
  };
  {
    auto scope = accelerator.join_uneven_inputs({.even_batches = false});
    EXPECT_EQ(count(), size == 1 || rank == 0 ? 2 : 1);
  }
  EXPECT_EQ(count(), 2);
}

TEST(UnevenInputs, CloseWindowsThatStandOpen) {
  Full accelerator({.gradient_accumulation_steps = 2});
  auto net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
  torch::optim::SGD sgd(net->parameters(), 0.1);
  auto [model, optimizer] = accelerator.prepare(net, sgd);
  const auto step = [&] {
    auto scope = accelerator.accumulate(model);
    accelerator.backward(model(torch::ones({1, 1})).sum());
    optimizer.step();
    optimizer.zero_grad();
  };
  {
    auto join = accelerator.join_uneven_inputs();
    for (int i = 0; i <= accelerator.process_index() % 2; ++i) step();
  }
  const double before = net->weight.item<double>();
  step();
  step();
  EXPECT_NEAR(net->weight.item<double>(), before - 0.1, 1e-6);
}

TEST(UnevenInputs, AccompanySeveralModels) {
  Full accelerator;
  auto one = torch::nn::Linear(1, 1), two = torch::nn::Linear(1, 1), idle = torch::nn::Linear(1, 1);
  auto models = accelerator.prepare(one, two, idle);
  {
    auto scope = accelerator.join_uneven_inputs();
    for (int i = 0; i <= accelerator.process_index(); ++i) {
      accelerator.backward(std::get<0>(models)(torch::ones({1, 1})).sum());
      auto unsynced = accelerator.no_sync(std::get<0>(models));
      accelerator.backward(std::get<1>(models)(torch::ones({1, 1})).sum());
    }
  }
  accelerator.wait_for_everyone();
}

// As in distillation. The trained model has several buckets, of which the first is sent while the
// backward pass is under way.
TEST(UnevenInputs, AccompanyAModelThatIsNotTrained) {
  Full accelerator;
  torch::manual_seed(2);
  torch::nn::Sequential student(torch::nn::Linear(16, 512), torch::nn::Linear(512, 1024),
                                torch::nn::Linear(1024, 4));
  torch::nn::Sequential teacher(torch::nn::Linear(16, 4), torch::nn::BatchNorm1d(4));
  for (at::Tensor& parameter : teacher->parameters()) parameter.requires_grad_(false);
  torch::optim::SGD sgd(student->parameters(), 0.01);
  auto [model, guide, optimizer] = accelerator.prepare(student, teacher, sgd);
  {
    auto join = accelerator.join_uneven_inputs();
    for (int i = 0; i <= accelerator.process_index(); ++i) {
      const at::Tensor x = torch::randn({8, 16}) + accelerator.process_index();
      optimizer.zero_grad();
      accelerator.backward(torch::mse_loss(model(x), guide(x)));
      optimizer.step();
    }
  }
  for (const at::Tensor& tensor : {student->parameters()[0], teacher->buffers()[0]}) {
    const at::Tensor all = accelerator.gather(tensor.detach().reshape({1, -1}));
    for (int rank = 1; rank < accelerator.num_processes(); ++rank)
      EXPECT_TRUE(torch::equal(all[0], all[rank]));
  }
}

}  // namespace
}  // namespace accelerate
