#include "accelerate/engine/schedule_set.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <optional>
#include <string>

#include "accelerate/host_work/host_work.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {
namespace {

// As named values: of each list its length, and its numbers by their places.
State state_of(const SchedulerState& scheduler) {
  State state;
  state.set("kind", scheduler.kind);
  for (const auto& [name, numbers] : scheduler.values) {
    state.set(name, static_cast<int64_t>(numbers.size()));
    for (size_t i = 0; i < numbers.size(); ++i) state.set(c10::str(name, ".", i), numbers[i]);
  }
  return state;
}

SchedulerState scheduler_state(const State& state) {
  SchedulerState scheduler;
  scheduler.kind = state.text("kind");
  for (const auto& [name, value] : state.values()) {
    if (!std::holds_alternative<int64_t>(value)) continue;
    std::vector<double>& numbers = scheduler.values[name];
    for (int64_t i = 0; i < std::get<int64_t>(value); ++i)
      numbers.push_back(state.number(c10::str(name, ".", i)));
  }
  return scheduler;
}

// What a state of the set has of one of them; of LibTorch's nothing but how far it has advanced.
struct Saved {
  Saved(const State& state, size_t index)
      : advances(state.count(c10::str(index, ".advances"))),
        scheduler(state.part(c10::str(index, ".scheduler"))) {}

  int64_t advances;
  State scheduler;
};

// That of LibTorch's only goes on.
void check_goes_on(size_t index, const ScheduleProgress& schedule, int64_t advances) {
  TORCH_CHECK(
      schedule.advances <= advances, "schedule ", index, ", of LibTorch, has advanced by ",
      schedule.advances, " and cannot go back to ", advances,
      "; use a scheduler of accelerate/optim, or load the state before you step the scheduler");
}

}  // namespace

std::shared_ptr<ScheduleProgress> ScheduleSet::add(ScheduleProgress progress,
                                                   const torch::optim::Optimizer* optimizer) {
  progress.updates = updates_of(optimizer);
  std::erase_if(schedules_, [](const auto& schedule) { return schedule.expired(); });
  const auto added = std::make_shared<ScheduleProgress>(std::move(progress));
  schedules_.push_back(added);
  return added;
}

std::shared_ptr<ScheduleProgress> ScheduleSet::add(Scheduler& scheduler,
                                                   std::function<void()> advance) {
  return add({.advance = std::move(advance), .scheduler = &scheduler}, &scheduler.optimizer());
}

std::shared_ptr<ScheduleProgress> ScheduleSet::add(std::function<void()> advance) {
  return add({.advance = std::move(advance)}, /*optimizer=*/nullptr);
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
  TORCH_WARN(
      "a schedule was stepped once after ", progress.updates - before,
      " steps of its optimizer, and has advanced by ", advances,
      ", the number of processes, because a schedule counts batches of one process. If it ",
      "should count epochs, prepare it as accelerate::counted_in_epochs(schedule); if steps ",
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
  for (size_t i = 0; i < schedules.size(); ++i) {
    const std::string prefix = std::to_string(i);
    state.set(prefix + ".advances", schedules[i]->advances);
    if (schedules[i]->scheduler != nullptr)
      state.set_all(prefix + ".scheduler", state_of(schedules[i]->scheduler->state()));
  }
  return state;
}

void ScheduleSet::check_can_be_saved() const {
  for (const Unsaved& each : unsaved_)
    TORCH_CHECK(each.token.expired(), "a scheduler of the type ", each.name,
                " does not let others read its state, so it cannot be saved; use "
                "accelerate::ReduceLROnPlateau");
}

void ScheduleSet::check(const State& state) {
  const auto schedules = live();
  for (size_t i = 0; i < schedules.size(); ++i) {
    const Saved saved(state, i);
    const Scheduler* scheduler = schedules[i]->scheduler;
    if (scheduler == nullptr) {
      check_goes_on(i, *schedules[i], saved.advances);
      continue;
    }
    const std::string own = scheduler->state().kind;
    const bool has_kind = saved.scheduler.contains("kind");
    TORCH_CHECK(has_kind && saved.scheduler.text("kind") == own, "schedule ", i,
                " of the state is ", has_kind ? saved.scheduler.text("kind") : "LibTorch's",
                ", and the one that was prepared is ", own, "; load the state of the same one");
    scheduler->check_state(scheduler_state(saved.scheduler));
  }
}

void ScheduleSet::load(const State& state) {
  const auto schedules = live();
  for (size_t i = 0; i < schedules.size(); ++i) {
    const Saved saved(state, i);
    ScheduleProgress& schedule = *schedules[i];
    if (schedule.scheduler != nullptr) {
      schedule.scheduler->load_state(scheduler_state(saved.scheduler));
      schedule.advances = saved.advances;
      continue;
    }
    check_goes_on(i, schedule, saved.advances);
    for (; schedule.advances < saved.advances; ++schedule.advances) schedule.advance();
  }
}

}  // namespace accelerate
