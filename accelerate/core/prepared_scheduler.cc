#include "accelerate/core/prepared_scheduler.h"

#include <torch/optim/schedulers/lr_scheduler.h>
#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>

#include <utility>

#include "accelerate/host_work/host_work.h"
#include "accelerate/optim/reduce_lr_on_plateau.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {

PreparedScheduler::PreparedScheduler(std::shared_ptr<ScheduleSet> schedules,
                                     std::shared_ptr<const void> token, Scheduler& scheduler,
                                     ScheduleUnit unit)
    : schedules_(std::move(schedules)),
      token_(std::move(token)),
      unit_(unit),
      optimizer_(&scheduler.optimizer()),
      progress_(schedules_->add(scheduler, [&scheduler] {
        const auto end = scheduler.total_steps();
        // Of N steps the constructor has made the first.
        if (!end || scheduler.step_count() < *end) scheduler.step();
      })) {}

// LibTorch's own don't tell their optimizer.
PreparedScheduler::PreparedScheduler(std::shared_ptr<ScheduleSet> schedules,
                                     std::shared_ptr<const void> token,
                                     torch::optim::LRScheduler& scheduler, ScheduleUnit unit)
    : schedules_(std::move(schedules)),
      token_(std::move(token)),
      unit_(unit),
      progress_(schedules_->add([&scheduler] { scheduler.step(); })) {}

void PreparedScheduler::step() { schedules_->step(progress_, optimizer_, unit_); }

PreparedPlateauScheduler::PreparedPlateauScheduler(std::shared_ptr<ScheduleSet> schedules,
                                                   std::shared_ptr<const void> token,
                                                   ReduceLROnPlateau& scheduler, ScheduleUnit unit)
    : schedules_(std::move(schedules)),
      token_(std::move(token)),
      unit_(unit),
      progress_(schedules_->add(scheduler, /*advance=*/nullptr)),
      observe_([&scheduler](double metric) { scheduler.step(metric); }) {}

PreparedPlateauScheduler::PreparedPlateauScheduler(
    std::shared_ptr<ScheduleSet> schedules, std::shared_ptr<const void> token,
    torch::optim::ReduceLROnPlateauScheduler& scheduler, ScheduleUnit unit)
    : schedules_(std::move(schedules)),
      token_(std::move(token)),
      unit_(unit),
      observe_([&scheduler](double metric) { scheduler.step(static_cast<float>(metric)); }) {
  schedules_->note_unsaved("torch::optim::ReduceLROnPlateauScheduler", token_);
}

void PreparedPlateauScheduler::step(double metric) {
  refuse_recording("the metric of a plateau scheduler");
  if (schedules_->advances(/*optimizer=*/nullptr, unit_) > 0) observe_(metric);
}

}  // namespace accelerate
