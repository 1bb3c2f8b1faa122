// The schedules that take part in training, and how far one step of the training loop advances
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
  // Empty for a schedule that observes a metric.
  std::function<void()> advance;
  // Has a state that can be read; null for LibTorch's schedulers.
  Scheduler* scheduler = nullptr;
  int64_t advances = 0;
  // The number of steps that the optimizer had taken when the schedule was last stepped, and
  // whether the engine has warned that these were many.
  int64_t updates = 0;
  bool warned = false;
};

// How a run counts steps; see AcceleratorOptions.
struct ScheduleCounting {
  int world_size = 1;
  bool is_main = true;
  bool split_batches = false;
  bool step_with_optimizer = true;
};

class ScheduleSet final : public Stateful {
 public:
  // The window and the optimizers must outlive the set.
  ScheduleSet(const ScheduleCounting& counting, const AccumulationWindow& window,
              const OptimizerSteps& optimizers)
      : counting_(counting), window_(window), optimizers_(optimizers) {}

  // Adds a schedule; each call of `advance` advances it by one.
  std::shared_ptr<ScheduleProgress> add(Scheduler& scheduler, std::function<void()> advance);
  // Adds a schedule of LibTorch, whose optimizer is not known.
  std::shared_ptr<ScheduleProgress> add(std::function<void()> advance);
  // Afterwards none is known, also if a handle is alive.
  void forget_all() { schedules_.clear(), unsaved_.clear(); }
  // The schedules that are alive, in the order of preparation.
  internal::LiveList<ScheduleProgress> live() const { return internal::live(schedules_); }

  // By how much one step of the training loop advances a schedule.
  int advances(const torch::optim::Optimizer* optimizer, ScheduleUnit unit) const;
  // Steps the schedule once, and once more in each replay.
  void step(const std::shared_ptr<ScheduleProgress>& schedule,
            const torch::optim::Optimizer* optimizer, ScheduleUnit unit);

  // The state of each schedule; of LibTorch's, only how far it has advanced. LibTorch's can only go
  // forward: load() throws c10::Error for one that has advanced further than the state.
  std::string_view state_name() const override { return "schedules"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  void check(const State& state) override;
  void load(const State& state) override;
  // Notes a schedule whose state cannot be read. While its handle has the token, saving fails with
  // an error that contains `name`.
  void note_unsaved(const char* name, const std::shared_ptr<const void>& token) {
    unsaved_.push_back({name, token});
  }
  // Throws c10::Error if there is one of these.
  void check_can_be_saved() const;

 private:
  class Step;
  struct Unsaved {
    const char* name;
    std::weak_ptr<const void> token;
  };

  std::shared_ptr<ScheduleProgress> add(ScheduleProgress progress,
                                        const torch::optim::Optimizer* optimizer);
  void advance(const std::shared_ptr<ScheduleProgress>& schedule,
               const torch::optim::Optimizer* optimizer, ScheduleUnit unit);
  // The number of steps that the optimizer has taken; if it is not known, that of the optimizer
  // with the fewest.
  int64_t updates_of(const torch::optim::Optimizer* optimizer) const;
  void warn_if_it_counts_epochs(const torch::optim::Optimizer* optimizer,
                                ScheduleProgress& progress, int advances) const;

  ScheduleCounting counting_;
  const AccumulationWindow& window_;
  const OptimizerSteps& optimizers_;
  std::vector<std::weak_ptr<ScheduleProgress>> schedules_;
  std::vector<Unsaved> unsaved_;
};

}  // namespace accelerate
