// A scheduler as Accelerator::prepare() returns it: it keeps in step with the data. A schedule is
// written for batches of one process; as each step of a run consumes a batch on every process, it
// advances by the number of processes (by one when batches are split), and not at all in a step
// that the optimizer skipped or that only accumulates gradients. A schedule with an end stops
// there. A plateau scheduler observes one metric, and so advances by one.
//
//   auto scheduler = accelerator.prepare(cosine);
//   optimizer.step();
//   scheduler.step();
//
// A schedule that counts steps of the optimizer, or epochs, is prepared as
// counted_in_updates(schedule) or counted_in_epochs(schedule) (schedule_unit.h); one on several
// processes that looks like it and is not warns. For all schedules at once, set
// AcceleratorOptions::step_scheduler_with_optimizer to false: then each call is one step. A thin
// handle: the user's scheduler must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "accelerate/engine/schedule_set.h"
#include "accelerate/engine/schedule_unit.h"

namespace torch::optim {
class LRScheduler;
class ReduceLROnPlateauScheduler;
}  // namespace torch::optim

namespace accelerate {
class Scheduler;
class ReduceLROnPlateau;
}  // namespace accelerate

namespace accelerate {

class PreparedScheduler {
 public:
  // The token is kept as long as the scheduler must not be prepared again.
  PreparedScheduler(std::shared_ptr<ScheduleSet> schedules, std::shared_ptr<const void> token,
                    Scheduler& scheduler, ScheduleUnit unit = ScheduleUnit::kBatches);
  PreparedScheduler(std::shared_ptr<ScheduleSet> schedules, std::shared_ptr<const void> token,
                    torch::optim::LRScheduler& scheduler,
                    ScheduleUnit unit = ScheduleUnit::kBatches);

  void step();

 private:
  std::shared_ptr<ScheduleSet> schedules_;
  std::shared_ptr<const void> token_;
  ScheduleUnit unit_;
  const torch::optim::Optimizer* optimizer_ = nullptr;
  std::shared_ptr<ScheduleProgress> progress_;
};

class PreparedPlateauScheduler {
 public:
  PreparedPlateauScheduler(std::shared_ptr<ScheduleSet> schedules,
                           std::shared_ptr<const void> token, ReduceLROnPlateau& scheduler,
                           ScheduleUnit unit = ScheduleUnit::kBatches);
  PreparedPlateauScheduler(std::shared_ptr<ScheduleSet> schedules,
                           std::shared_ptr<const void> token,
                           torch::optim::ReduceLROnPlateauScheduler& scheduler,
                           ScheduleUnit unit = ScheduleUnit::kBatches);

  // `metric` should be the same on all ranks: reduce it first.
  void step(double metric);

 private:
  std::shared_ptr<ScheduleSet> schedules_;
  std::shared_ptr<const void> token_;
  ScheduleUnit unit_;
  // Null for LibTorch's, of which nobody can tell where it is.
  std::shared_ptr<ScheduleProgress> progress_;
  std::function<void(double)> observe_;
};

}  // namespace accelerate
