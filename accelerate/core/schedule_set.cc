#include "accelerate/core/schedule_set.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>

namespace accelerate {

std::shared_ptr<ScheduleProgress> ScheduleSet::add(std::function<void()> advance,
                                                   const torch::optim::Optimizer* optimizer) {
  auto progress = std::make_shared<ScheduleProgress>(ScheduleProgress{std::move(advance)});
  progress->updates = updates_of(optimizer);
  std::erase_if(schedules_, [](const auto& schedule) { return schedule.expired(); });
  schedules_.push_back(progress);
  return progress;
}

int ScheduleSet::advances(const torch::optim::Optimizer* optimizer, ScheduleUnit unit) const {
  if (unit == ScheduleUnit::kEpochs || !counting_.step_with_optimizer) return 1;
  if (!window_.sync_gradients()) return 0;
  if (optimizers_.schedule_stands_still(optimizer)) return 0;
  const bool one = unit == ScheduleUnit::kUpdates || counting_.split_batches;
  return one ? 1 : counting_.world_size;
}

int64_t ScheduleSet::updates_of(const torch::optim::Optimizer* optimizer) const {
  std::optional<int64_t> fewest;
  for (const auto& state : optimizers_.optimizers()) {
    const int64_t count = state->outcomes.count();
    if (state->optimizer == optimizer) return count;
    fewest = std::min(fewest.value_or(count), count);
  }
  return fewest.value_or(0);
}

// One that is stepped once an epoch advances by as many epochs as there are processes.
void ScheduleSet::warn_if_it_counts_epochs(const torch::optim::Optimizer* optimizer,
                                           ScheduleProgress& progress, int advances) const {
  const int64_t before = std::exchange(progress.updates, updates_of(optimizer));
  if (progress.warned || advances <= 1 || progress.updates <= before + 1) return;
  progress.warned = true;
  if (!counting_.is_main) return;
  TORCH_WARN("a schedule was stepped once after ", progress.updates - before,
             " steps of its optimizer, and has advanced by ", advances,
             ", the number of processes, since it counts batches of one process. If it is to ",
             "count epochs, prepare it as accelerate::counted_in_epochs(schedule); if steps ",
             "of the optimizer, as accelerate::counted_in_updates(schedule)");
}

void ScheduleSet::step(const std::shared_ptr<ScheduleProgress>& schedule,
                       const torch::optim::Optimizer* optimizer, ScheduleUnit unit) {
  // The set outlives the recordings.
  auto action = [this, optimizer, unit, schedule] {
    const int count = advances(optimizer, unit);
    if (counting_.world_size > 1 && unit == ScheduleUnit::kBatches)
      warn_if_it_counts_epochs(optimizer, *schedule, count);
    for (int i = 0; i < count; ++i) {
      schedule->advance();
      ++schedule->advances;
    }
  };
  if (recording_ != nullptr) return recording_->push_back(std::move(action));
  in_each_replay(
      "step of a scheduler", [action](const ScheduleProgress*) { action(); },
      static_cast<const ScheduleProgress*>(schedule.get()));
}

}  // namespace accelerate
