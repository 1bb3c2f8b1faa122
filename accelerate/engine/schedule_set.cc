#include "accelerate/engine/schedule_set.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>
#include <string>

#include "accelerate/host_work/host_work.h"

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
  for (const auto& state : optimizers_.live()) {
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

void ScheduleSet::advance(const std::shared_ptr<ScheduleProgress>& schedule,
                          const torch::optim::Optimizer* optimizer, ScheduleUnit unit) {
  const int count = advances(optimizer, unit);
  if (counting_.world_size > 1 && unit == ScheduleUnit::kBatches)
    warn_if_it_counts_epochs(optimizer, *schedule, count);
  for (int i = 0; i < count; ++i) {
    schedule->advance();
    ++schedule->advances;
  }
}

// The set outlives the recordings.
class ScheduleSet::Step final : public HostWork {
 public:
  Step(ScheduleSet& set, std::shared_ptr<ScheduleProgress> schedule,
       const torch::optim::Optimizer* optimizer, ScheduleUnit unit)
      : HostWork("step of a scheduler"),
        set_(set),
        schedule_(std::move(schedule)),
        optimizer_(optimizer),
        unit_(unit) {}

  std::vector<std::string> arguments() const override {
    return {internal::identity_of(schedule_.get())};
  }
  void run() override { set_.advance(schedule_, optimizer_, unit_); }
  // It depends on whether the optimizer's step was skipped.
  void record() override {}
  void complete() override { run(); }

 private:
  ScheduleSet& set_;
  std::shared_ptr<ScheduleProgress> schedule_;
  const torch::optim::Optimizer* optimizer_;
  ScheduleUnit unit_;
};

void ScheduleSet::step(const std::shared_ptr<ScheduleProgress>& schedule,
                       const torch::optim::Optimizer* optimizer, ScheduleUnit unit) {
  in_each_replay(Step(*this, schedule, optimizer, unit));
}

State ScheduleSet::save() {
  State state;
  const auto schedules = live();
  for (size_t i = 0; i < schedules.size(); ++i)
    state.set(std::to_string(i), schedules[i]->advances);
  return state;
}

void ScheduleSet::load(const State& state) {
  const auto schedules = live();
  for (size_t i = 0; i < schedules.size(); ++i) {
    TORCH_CHECK(schedules[i]->advances <= state.integer(std::to_string(i)), "schedule ", i,
                " has advanced by ", schedules[i]->advances, " and cannot go back to ",
                state.integer(std::to_string(i)), "; load a state before the training goes on");
  }
  for (size_t i = 0; i < schedules.size(); ++i) {
    ScheduleProgress& schedule = *schedules[i];
    for (; schedule.advances < state.integer(std::to_string(i)); ++schedule.advances)
      schedule.advance();
  }
}

}  // namespace accelerate
