// The schedules that take part in training, and how far one step of the program's loop advances
// them.
//
// Part of the Session; programs use the handles of prepare(). Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/live.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/engine/schedule_unit.h"
#include "accelerate/state/stateful.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

class Scheduler;

// How far a prepared scheduler has been advanced.
struct ScheduleProgress {
  // Nothing for one that observes a metric.
  std::function<void()> advance;
  // Which has a state of its own; null for LibTorch's.
  Scheduler* scheduler = nullptr;
  int64_t advances = 0;
  // Steps that the optimizer had taken when it was last stepped; whether it was warned that they
  // are many.
  int64_t updates = 0;
  bool warned = false;
};

// How a run counts; see AcceleratorOptions.
struct ScheduleCounting {
  int world_size = 1;
  bool is_main = true;
  bool split_batches = false;
  bool step_with_optimizer = true;
};

class ScheduleSet final : public Stateful {
 public:
  // The window and the optimizers outlive the set.
  ScheduleSet(const ScheduleCounting& counting, const AccumulationWindow& window,
              const OptimizerSteps& optimizers)
      : counting_(counting), window_(window), optimizers_(optimizers) {}

  // A schedule that is stepped by these calls.
  std::shared_ptr<ScheduleProgress> add(Scheduler& scheduler, std::function<void()> advance);
  // One of LibTorch, whose optimizer is not known.
  std::shared_ptr<ScheduleProgress> add(std::function<void()> advance);
  // Those that live, in the order of their preparation.
  internal::LiveList<ScheduleProgress> live() const { return internal::live(schedules_); }

  // How often a step of the program's loop advances a schedule.
  int advances(const torch::optim::Optimizer* optimizer, ScheduleUnit unit) const;
  // One step of the program's loop, and of each replay of it.
  void step(const std::shared_ptr<ScheduleProgress>& schedule,
            const torch::optim::Optimizer* optimizer, ScheduleUnit unit);

  // The state of each, or of LibTorch's how far it has advanced. These only go on: load() throws
  // c10::Error for one that has gone further.
  std::string_view state_name() const override { return "schedules"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;
  // A schedule whose state nobody can read takes part; checkpoints refuse it by this name.
  void note_unsaved(const char* name) { unsaved_ = name; }
  // Throws c10::Error where there is such a one.
  void check_can_be_saved() const;

 private:
  class Step;

  std::shared_ptr<ScheduleProgress> add(ScheduleProgress progress,
                                        const torch::optim::Optimizer* optimizer);
  void advance(const std::shared_ptr<ScheduleProgress>& schedule,
               const torch::optim::Optimizer* optimizer, ScheduleUnit unit);
  // Steps taken so far by the optimizer, or where it is not known by that with the fewest.
  int64_t updates_of(const torch::optim::Optimizer* optimizer) const;
  void warn_if_it_counts_epochs(const torch::optim::Optimizer* optimizer,
                                ScheduleProgress& progress, int advances) const;

  ScheduleCounting counting_;
  const AccumulationWindow& window_;
  const OptimizerSteps& optimizers_;
  std::vector<std::weak_ptr<ScheduleProgress>> schedules_;
  const char* unsaved_ = nullptr;
};

}  // namespace accelerate
