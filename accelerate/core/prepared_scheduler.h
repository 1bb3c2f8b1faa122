// The handle of a scheduler that Accelerator::prepare() returns. A schedule counts batches of one
// process; because each step of a run consumes a batch on every process, step() advances the
// schedule by the number of processes (by one if batches are split). It does not advance in a step
// that the optimizer skipped or that only accumulates gradients. OneCycle stops at its end. A
// plateau scheduler observes one metric, so it advances by one.
//
//   auto scheduler = accelerator.prepare(cosine);
//   optimizer.step();
//   scheduler.step();
//
// Prepare a schedule that counts steps of the optimizer or epochs as counted_in_updates(schedule)
// or counted_in_epochs(schedule) (schedule_unit.h); on several processes, one that appears to need
// this warns. To make each call one step for all schedules, set
// AcceleratorOptions::step_scheduler_with_optimizer to false. Your scheduler must outlive the
// handle.
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
  // While the token lives, the scheduler cannot be prepared again.
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

  // `metric` must be the same on all ranks, or their learning rates and then their weights drift
  // apart: reduce it first, as with accelerator.reduce(metric, ReduceOp::kMean).
  void step(double metric);

 private:
  std::shared_ptr<ScheduleSet> schedules_;
  std::shared_ptr<const void> token_;
  ScheduleUnit unit_;
  // Null for LibTorch's, whose state cannot be read.
  std::shared_ptr<ScheduleProgress> progress_;
  std::function<void(double)> observe_;
};

}  // namespace accelerate
