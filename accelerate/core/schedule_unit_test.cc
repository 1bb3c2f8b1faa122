// What a schedule counts. Runs on one process and on several; every test runs on each of them.
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "accelerate/core/test_helpers.h"
#include "accelerate/optim/schedulers.h"

namespace accelerate {
namespace {

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

class Warnings : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { text += warning.msg() + "\n"; }
  std::string text;
};

TEST(ScheduleUnit, IsAskedForWhereASchedulesStepsLookLikeEpochs) {
  Warnings warnings;
  c10::WarningUtils::WarningHandlerGuard guard(&warnings);
  const bool several = Full().num_processes() > 1, is_main = Full().is_main_process();
  advances({}, ScheduleUnit::kBatches, false);
  advances({}, ScheduleUnit::kUpdates, true);
  advances({}, ScheduleUnit::kEpochs, true);
  advances({.split_batches = true}, ScheduleUnit::kBatches, true);
  EXPECT_EQ(warnings.text, "");
  // Two epochs, and one warning.
  advances({}, ScheduleUnit::kBatches, true);
  const size_t found = warnings.text.find("accelerate::counted_in_epochs(schedule)");
  EXPECT_EQ(found != std::string::npos, several && is_main) << warnings.text;
  EXPECT_EQ(warnings.text.find("counted_in_epochs", found + 30), std::string::npos)
      << warnings.text;
}

}  // namespace
}  // namespace accelerate
