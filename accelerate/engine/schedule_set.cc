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
  for (size_t i = 0; i < schedules.size(); ++i) {
    const std::string prefix = std::to_string(i);
    state.set(prefix + ".advances", schedules[i]->advances);
    if (schedules[i]->scheduler != nullptr)
      state.set_all(prefix + ".scheduler", state_of(schedules[i]->scheduler->state()));
  }
  return state;
}

void ScheduleSet::check_can_be_saved() const {
  TORCH_CHECK(unsaved_ == nullptr, "a scheduler of the type ", unsaved_,
              " keeps what it has seen to itself, so that it cannot be saved; use "
              "accelerate::ReduceLROnPlateau");
}

void ScheduleSet::check(const State& state) {
  const auto schedules = live();
  for (size_t i = 0; i < schedules.size(); ++i) {
    const std::string prefix = std::to_string(i);
    const int64_t advances = state.count(prefix + ".advances");
    if (schedules[i]->scheduler == nullptr) {
      TORCH_CHECK(
          schedules[i]->advances <= advances, "schedule ", i, ", of LibTorch, has advanced by ",
          schedules[i]->advances, " and cannot go back to ", advances,
          "; use a scheduler of accelerate/optim, or load a state before the training goes on");
      continue;
    }
    const SchedulerState own = schedules[i]->scheduler->state();
    const State saved = state.part(prefix + ".scheduler");
    TORCH_CHECK(saved.contains("kind") && saved.text("kind") == own.kind, "schedule ", i,
                " of the state is ", saved.contains("kind") ? saved.text("kind") : "LibTorch's",
                ", and the one that was prepared is ", own.kind,
                "; load the state of the same one");
    // Takes all of a state, or none.
    schedules[i]->scheduler->load_state(scheduler_state(saved));
    schedules[i]->scheduler->load_state(own);
  }
}

void ScheduleSet::load(const State& state) {
  check(state);
  const auto schedules = live();
  const auto advances = [&state](size_t i) { return state.count(std::to_string(i) + ".advances"); };
  for (size_t i = 0; i < schedules.size(); ++i) {
    ScheduleProgress& schedule = *schedules[i];
    if (schedule.scheduler != nullptr) {
      schedule.scheduler->load_state(scheduler_state(state.part(std::to_string(i) + ".scheduler")));
      schedule.advances = advances(i);
    }
    for (; schedule.advances < advances(i); ++schedule.advances) schedule.advance();
  }
}

}  // namespace accelerate
