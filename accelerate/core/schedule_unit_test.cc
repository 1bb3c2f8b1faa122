// What a schedule counts, and which states the schedules of a run refuse. Runs on one process and
// on several; every test runs on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// How far a schedule is after epochs of three batches, stepped once a batch or once an epoch.
int64_t advances(const AcceleratorOptions& options, ScheduleUnit unit, bool once_an_epoch,
                 int epochs = 2) {
  Full accelerator(options);
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1e-3);
  LambdaLR schedule(sgd, [](int64_t) { return 1.0; });
  auto [model, optimizer, scheduler] =
      accelerator.prepare(net, sgd, CountedSchedule<LambdaLR>{.schedule = schedule, .unit = unit});
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (int i = 0; i < 3; ++i) {
      auto scope = accelerator.accumulate(model);
      optimizer.zero_grad();
      accelerator.backward(model(torch::ones({1, 1})).sum());
      optimizer.step();
      if (!once_an_epoch) scheduler.step();
    }
    if (once_an_epoch) scheduler.step();
  }
  return schedule.last_epoch();
}

TEST(ScheduleUnit, IsABatchOfOneProcessOrWhatTheProgramSays) {
  const int64_t size = Full().num_processes();
  EXPECT_EQ(advances({}, ScheduleUnit::kBatches, false), 6 * size);
  EXPECT_EQ(advances({}, ScheduleUnit::kUpdates, false), 6);
  EXPECT_EQ(advances({}, ScheduleUnit::kEpochs, true), 2);
  // Windows of two batches, the second of which ends in the next epoch.
  const AcceleratorOptions windows{.gradient_accumulation_steps = 2};
  EXPECT_EQ(advances(windows, ScheduleUnit::kBatches, false), 3 * size);
  EXPECT_EQ(advances(windows, ScheduleUnit::kUpdates, false), 3);
  EXPECT_EQ(advances(windows, ScheduleUnit::kEpochs, true, 3), 3);
}

TEST(ScheduleUnit, OfLibTorchsSchedulesAndPlateausIsSaidInTheSameWay) {
  Full accelerator({.gradient_accumulation_steps = 2});
  auto net = torch::nn::Linear(1, 1);
  torch::optim::SGD sgd(net->parameters(), 1.0);
  torch::optim::StepLR step_lr(sgd, 1, 0.5);
  ReduceLROnPlateau plateau(sgd, {.factor = 0.1, .patience = 0});
  auto [model, scheduler, plateau_scheduler] =
      accelerator.prepare(net, counted_in_epochs(step_lr), counted_in_epochs(plateau));
  // Whatever has become of the window.
  { auto scope = accelerator.accumulate(model); }
  // LibTorch's first changes nothing.
  for (int i = 0; i < 2; ++i) scheduler.step();
  EXPECT_NEAR(sgd.param_groups()[0].options().get_lr(), 0.5, 1e-12);
  plateau_scheduler.step(1.0);
  plateau_scheduler.step(2.0);
  EXPECT_NEAR(sgd.param_groups()[0].options().get_lr(), 0.05, 1e-12);
}

TEST(ScheduleUnit, IsAskedForWhereASchedulesStepsLookLikeEpochs) {
  const Warnings warnings;
  const bool several = Full().num_processes() > 1, is_main = Full().is_main_process();
  advances({}, ScheduleUnit::kBatches, false);
  advances({}, ScheduleUnit::kUpdates, true);
  advances({}, ScheduleUnit::kEpochs, true);
  advances({.split_batches = true}, ScheduleUnit::kBatches, true);
  EXPECT_THAT(warnings.all, IsEmpty());
  // Two epochs, and one warning.
  advances({}, ScheduleUnit::kBatches, true);
  if (several && is_main) {
    EXPECT_THAT(warnings.all, ElementsAre(HasSubstr("accelerate::counted_in_epochs(schedule)")));
  } else {
    EXPECT_THAT(warnings.all, IsEmpty());
  }
}

TEST(ScheduleSet, SeesBeforehandWhatItWouldRefuse) {
  const auto session = internal::make_session<MultiCpu, Fp32>({});
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  ReduceLROnPlateau plateau(sgd, {.factor = 0.5, .patience = 0});
  OneCycle cycle(sgd, {.max_lr = 1, .total_steps = 100});
  auto optimizer = internal::prepare_one(session, sgd);
  auto observer = internal::prepare_one(session, plateau);
  auto scheduler = internal::prepare_one(session, cycle);
  const State saved = session->schedules().save();
  observer.step(1);
  scheduler.step();
  const SchedulerState seen = plateau.state(), steps = cycle.state();
  const auto refuses = [&](const std::string& name, StateValue value, const std::string& reason) {
    State damaged = saved;
    damaged.set(name, std::move(value));
    EXPECT_THAT(message_of([&] { session->schedules().check(damaged); }), HasSubstr(reason));
  };
  refuses("0.scheduler.kind", std::string("OneCycle"), "schedule 0 of the state is OneCycle");
  refuses("0.scheduler.bad_steps.0", 0.5, "bad_steps is 0.5");
  refuses("1.scheduler.momentum", int64_t{0}, "OneCycle: the state has 0 values for momentum");
  refuses("1.scheduler.last_epoch.0", 101.0, "beyond the 100 of this scheduler");
  session->schedules().check(saved);
  EXPECT_EQ(plateau.state(), seen);
  EXPECT_EQ(cycle.state(), steps);
}

TEST(ScheduleSet, NeverTakesLibTorchsSchedulesBack) {
  const auto session = internal::make_session<MultiCpu, Fp32>({});
  auto net = small_net();
  torch::optim::SGD sgd(net->parameters(), 0.1);
  torch::optim::StepLR step_lr(sgd, 1, 0.5);
  auto optimizer = internal::prepare_one(session, sgd);
  auto scheduler = internal::prepare_one(session, step_lr);
  ScheduleSet& schedules = session->schedules();
  const State saved = schedules.save();
  scheduler.step();
  for (const auto use : {&ScheduleSet::check, &ScheduleSet::load})
    EXPECT_THAT(message_of([&] { (schedules.*use)(saved); }), HasSubstr("cannot go back to 0"));
}

}  // namespace
}  // namespace accelerate
