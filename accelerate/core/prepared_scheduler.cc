#include "accelerate/core/prepared_scheduler.h"

#include <c10/util/Exception.h>
#include <torch/optim/schedulers/lr_scheduler.h>
#include <torch/optim/schedulers/reduce_on_plateau_scheduler.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "accelerate/optim/reduce_lr_on_plateau.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {
namespace {

// Advances of a schedule in a step of this run. LibTorch's own don't tell their optimizer: null.
int advances(Session& session, const torch::optim::Optimizer* optimizer, ScheduleUnit unit) {
  if (unit == ScheduleUnit::kEpochs || !session.options().step_scheduler_with_optimizer) return 1;
  if (!session.accumulation().sync_gradients()) return 0;
  if (session.optimizer_steps().schedule_stands_still(optimizer)) return 0;
  const bool one = unit == ScheduleUnit::kUpdates || session.options().split_batches;
  return one ? 1 : session.process().world_size;
}

// Steps taken so far by the optimizer, or where it is not known by that with the fewest.
int64_t updates_of(Session& session, const torch::optim::Optimizer* optimizer) {
  std::optional<int64_t> fewest;
  for (const auto& state : session.optimizer_steps().optimizers()) {
    const int64_t count = state->outcomes.count();
    if (state->optimizer == optimizer) return count;
    fewest = std::min(fewest.value_or(count), count);
  }
  return fewest.value_or(0);
}

// A schedule that is stepped once an epoch, and so advances by as many epochs as there are
// processes.
void warn_if_it_counts_epochs(Session& session, const torch::optim::Optimizer* optimizer,
                              ScheduleProgress& progress, int advances) {
  const int64_t before = std::exchange(progress.updates, updates_of(session, optimizer));
  if (progress.warned || advances <= 1 || progress.updates <= before + 1) return;
  progress.warned = true;
  if (!session.process().is_main()) return;
  TORCH_WARN("a schedule was stepped once after ", progress.updates - before,
             " steps of its optimizer, and has advanced by ", advances,
             ", the number of processes, since it counts batches of one process. If it is to ",
             "count epochs, prepare it as accelerate::counted_in_epochs(schedule); if steps ",
             "of the optimizer, as accelerate::counted_in_updates(schedule)");
}

}  // namespace

PreparedScheduler::PreparedScheduler(std::shared_ptr<Session> session, Scheduler& scheduler,
                                     ScheduleUnit unit)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      unit_(unit),
      optimizer_(&scheduler.optimizer()),
      progress_(session_->add_schedule([&scheduler] {
        const auto end = scheduler.total_steps();
        if (!end || scheduler.step_count() <= *end) scheduler.step();
      })) {
  progress_->updates = updates_of(*session_, optimizer_);
}

PreparedScheduler::PreparedScheduler(std::shared_ptr<Session> session,
                                     torch::optim::LRScheduler& scheduler, ScheduleUnit unit)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      unit_(unit),
      progress_(session_->add_schedule([&scheduler] { scheduler.step(); })) {
  progress_->updates = updates_of(*session_, optimizer_);
}

void PreparedScheduler::step() {
  // The session outlives its recordings.
  session_->in_each_step(progress_.get(), [session = session_.get(), optimizer = optimizer_,
                                           unit = unit_, progress = progress_] {
    const int count = advances(*session, optimizer, unit);
    if (session->process().world_size > 1 && unit == ScheduleUnit::kBatches)
      warn_if_it_counts_epochs(*session, optimizer, *progress, count);
    for (int i = 0; i < count; ++i) {
      progress->advance();
      ++progress->advances;
    }
  });
}

PreparedPlateauScheduler::PreparedPlateauScheduler(std::shared_ptr<Session> session,
                                                   ReduceLROnPlateau& scheduler, ScheduleUnit unit)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      unit_(unit),
      observe_([&scheduler](double metric) { scheduler.step(metric); }) {}

PreparedPlateauScheduler::PreparedPlateauScheduler(
    std::shared_ptr<Session> session, torch::optim::ReduceLROnPlateauScheduler& scheduler,
    ScheduleUnit unit)
    : session_(std::move(session)),
      token_(session_->add_other(&scheduler, "scheduler")),
      unit_(unit),
      observe_([&scheduler](double metric) { scheduler.step(static_cast<float>(metric)); }) {}

void PreparedPlateauScheduler::step(double metric) {
  if (advances(*session_, optimizer_, unit_) > 0) observe_(metric);
}

}  // namespace accelerate
