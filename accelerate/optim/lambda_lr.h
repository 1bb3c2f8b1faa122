// The learning rate as a function of the step.
//
//   accelerate::LambdaLR scheduler(sgd, [](int64_t step) { return std::pow(0.95, step); });
//   accelerate::LambdaLR each(sgd, {backbone_factor, head_factor});  // one per param group
//
// When not to use it: for the usual schedules, which have their own classes (StepLR, LinearDecay,
// CosineDecay, OneCycle), and for functions that depend on anything other than the step, because a
// saved state does not include what they remember.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "accelerate/optim/scheduler.h"

namespace accelerate {

// Maps a step, counted from 0, to a factor of the initial rate.
using RateFactor = std::function<double(int64_t step)>;

// rate(step) = initial rate × factor(step), as in torch.optim.lr_scheduler.LambdaLR. Changes that
// other code makes to the rate are overwritten at the next step. Not thread-safe.
class LambdaLR : public Scheduler {
 public:
  // One function for all param groups. Throws c10::Error when it is empty.
  LambdaLR(torch::optim::Optimizer& optimizer, RateFactor factor);

  // One function per param group. Throws c10::Error when one is empty, or when there are more or
  // fewer functions than groups.
  LambdaLR(torch::optim::Optimizer& optimizer, std::vector<RateFactor> factors);

 protected:
  LambdaLR(torch::optim::Optimizer& optimizer, RateFactor factor, std::string kind);

 private:
  std::vector<double> next_rates(int64_t epoch) const override;

  std::vector<RateFactor> factors_;
};

}  // namespace accelerate
