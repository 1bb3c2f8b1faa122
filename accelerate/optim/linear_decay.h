// Linear warm-up from zero, then linear decay to zero.
//
//   accelerate::LinearDecay scheduler(adamw, {.warmup_steps = 100, .total_steps = 2000});
//
// When not to use it: when the length of the training is not known beforehand (use StepLR or
// ReduceLROnPlateau). With a warm-up the first step has a rate of zero.
#pragma once

#include <cstdint>

#include "accelerate/optim/lambda_lr.h"

namespace accelerate {

struct LinearDecayOptions {
  // Steps (see scheduler.h) in which the rate rises from 0 to the initial rate; at least 0.
  int64_t warmup_steps = 0;
  // Steps, warm-up included, after which the rate is 0 and stays there; at least 1. Must be set.
  int64_t total_steps = 0;
};

// Computes the rates of `transformers.get_linear_schedule_with_warmup`. May be stepped beyond
// total_steps. Not thread-safe.
class LinearDecay final : public LambdaLR {
 public:
  // Throws c10::Error when an option is out of range.
  LinearDecay(torch::optim::Optimizer& optimizer, const LinearDecayOptions& options);
};

}  // namespace accelerate
