// A learning rate that drops by a factor every so many steps.
//
//   accelerate::StepLR scheduler(sgd, {.step_size = 30, .gamma = 0.1});
//   for (int epoch = 0; epoch < 90; ++epoch) {
//     train_one_epoch();
//     scheduler.step();
//   }
//
// When not to use it: when the drops should follow a metric (ReduceLROnPlateau), or when the rate
// should go down smoothly (LinearDecay, CosineDecay).
#pragma once

#include <cstdint>
#include <vector>

#include "accelerate/optim/scheduler.h"

namespace accelerate {

struct StepLROptions {
  // Steps (see scheduler.h) between two drops; at least 1. Must be set.
  int64_t step_size = 0;
  // What the rate is multiplied by at each drop; at least 0.
  double gamma = 0.1;
};

// At each step_size-th step, rate ← rate × gamma, like torch.optim.lr_scheduler.StepLR in its
// chainable form: it multiplies the current rate of the group, so that changes made by other code
// persist, and param groups added later are included. Not thread-safe.
class StepLR final : public Scheduler {
 public:
  // Throws c10::Error when an option is out of range.
  StepLR(torch::optim::Optimizer& optimizer, const StepLROptions& options);

 private:
  std::vector<double> next_rates(int64_t epoch) const override;

  StepLROptions options_;
};

}  // namespace accelerate
