// A learning rate that drops when a metric no longer improves.
//
//   accelerate::ReduceLROnPlateau scheduler(sgd, {.patience = 3});
//   for (int epoch = 0; epoch < 90; ++epoch) {
//     train_one_epoch();
//     scheduler.step(validation_loss());
//   }
//
// When not to use it: without a metric that is the same on all processes (their rates would
// differ), or once per batch, because the noise of the loss hides its trend.
#pragma once

#include <cstdint>
#include <vector>

#include "accelerate/optim/per_group.h"
#include "accelerate/optim/scheduler.h"

namespace accelerate {

// Whether a lower or a higher metric is better.
enum class PlateauMode { min, max };

// Whether the threshold is relative to the best metric so far, or absolute.
enum class ThresholdMode { rel, abs };

struct ReduceLROnPlateauOptions {
  PlateauMode mode = PlateauMode::min;
  // What the rate is multiplied by; at least 0 and below 1.
  double factor = 0.1;
  // Steps without improvement before the rate drops; at least 0.
  int64_t patience = 10;
  // How much better than the best so far counts as an improvement; at least 0.
  double threshold = 1e-4;
  ThresholdMode threshold_mode = ThresholdMode::rel;
  // Steps after a drop that do not count as steps without improvement; at least 0.
  int64_t cooldown = 0;
  // The rate does not drop below this; at least 0.
  PerGroup min_lr = 0.0;
  // A drop by no more than this is skipped; at least 0.
  double eps = 1e-8;
};

// Behaves like torch.optim.lr_scheduler.ReduceLROnPlateau of PyTorch 2.11. A metric that is NaN is
// not an improvement. A drop multiplies the current rate of a group; param groups added later are
// included if min_lr is a single number. Not thread-safe.
class ReduceLROnPlateau final : public Scheduler {
 public:
  // Throws c10::Error when an option is out of range. Does not change the rates.
  explicit ReduceLROnPlateau(torch::optim::Optimizer& optimizer,
                             const ReduceLROnPlateauOptions& options = {});

  // Records a metric, and lowers the rates when it has stopped improving. step() of the base class,
  // without a metric, throws c10::Error.
  void step(double metric);

 private:
  struct Progress {
    double best;
    int64_t bad_steps = 0;
    int64_t cooldown_left = 0;
  };

  bool is_better(double metric) const;
  // The progress in a state. Throws c10::Error if it is missing or does not fit.
  Progress progress_in(const SchedulerState& state) const;
  std::vector<double> next_rates(int64_t epoch) const override;
  void save_to(SchedulerState& state) const override;
  void check_from(const SchedulerState& state) const override;
  void load_from(const SchedulerState& state) override;

  ReduceLROnPlateauOptions options_;
  double worst_;
  Progress progress_;
};

}  // namespace accelerate
