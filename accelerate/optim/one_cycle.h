// One cycle: the learning rate rises to a peak and then falls far below its initial value, while
// the momentum does the opposite.
//
//   accelerate::OneCycle scheduler(sgd, {.max_lr = 0.1, .total_steps = 500});
//   for (auto& batch : loader) {
//     train_one_batch(batch);
//     scheduler.step();
//   }
//
// When not to use it: when the number of steps is not known, because stepping beyond it is an
// error; or when the rate should start from that of the optimizer, which OneCycle overwrites.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "accelerate/optim/per_group.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {

// The shape of the curve within a phase.
enum class Anneal { cosine, linear };

struct OneCycleOptions {
  // The rate at the peak. Must be set.
  PerGroup max_lr = {};
  // Steps (see scheduler.h) in the cycle; at least 1. Must be set.
  int64_t total_steps = 0;
  // Fraction of the steps in which the rate rises, from 0 to 1.
  double pct_start = 0.3;
  Anneal anneal = Anneal::cosine;
  // Moves the momentum of SGD and RMSprop, or the first beta of Adam, AdamW and Lion, in the
  // opposite direction to the rate.
  bool cycle_momentum = true;
  // The momentum at the peak of the rate; at least 0 and below 1.
  PerGroup base_momentum = 0.85;
  // The momentum at both ends; at least 0 and below 1.
  PerGroup max_momentum = 0.95;
  // The rate at the beginning is max_lr / div_factor.
  double div_factor = 25.0;
  // The rate at the end is max_lr / div_factor / final_div_factor.
  double final_div_factor = 1e4;
  // Falls as fast as it rose, and only then continues to the final rate.
  bool three_phase = false;
};

// Computes the rates and momenta of torch.optim.lr_scheduler.OneCycleLR of PyTorch 2.11. As in
// PyTorch there is one more rate than the cycle has steps: step total_steps overshoots the end a
// little, and step total_steps + 1 throws c10::Error, as does a step in a phase of zero length.
// Loading a state also restores the momenta. Not thread-safe.
class OneCycle final : public Scheduler {
 public:
  // Throws c10::Error when an option is out of range, and when cycle_momentum is set for an
  // optimizer other than SGD, RMSprop, Adam, AdamW and Lion.
  OneCycle(torch::optim::Optimizer& optimizer, const OneCycleOptions& options);

  std::optional<int64_t> total_steps() const override { return options_.total_steps; }

 private:
  enum Level { kInitial, kPeak, kFinal };

  struct Phase {
    double end_step;
    Level start;
    Level end;
  };

  // Where a step is: between which levels, and how far (0 to 1, a little more beyond the end).
  struct Place {
    Level start;
    Level end;
    double progress;
  };

  Place place(int64_t epoch) const;
  double anneal(const std::array<double, 3>& levels, const Place& at) const;
  std::vector<double> next_rates(int64_t epoch) const override;
  void after_step(int64_t epoch) override;
  void save_to(SchedulerState& state) const override;
  void check_from(const SchedulerState& state) const override;
  void load_from(const SchedulerState& state) override;

  OneCycleOptions options_;
  std::vector<Phase> phases_;
  // Per group, by level.
  std::vector<std::array<double, 3>> rate_levels_;
  std::vector<std::array<double, 3>> momentum_levels_;
};

}  // namespace accelerate
