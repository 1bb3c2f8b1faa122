// Linear warm-up from zero, then decay along a cosine.
//
//   accelerate::CosineDecay scheduler(adamw, {.warmup_steps = 100, .total_steps = 2000});
//
// When not to use it: when the length of the training is not known beforehand (use StepLR or
// ReduceLROnPlateau). With a warm-up the first step has a rate of zero. Beyond total_steps the
// cosine continues, so that the rate rises again.
#pragma once

#include <cstdint>

#include "accelerate/optim/lambda_lr.h"

namespace accelerate {

struct CosineDecayOptions {
  // Steps (see scheduler.h) in which the rate rises from 0 to the initial rate; at least 0.
  int64_t warmup_steps = 0;
  // Steps of the whole schedule, warm-up included; at least 1. Must be set.
  int64_t total_steps = 0;
  // Waves of the cosine after the warm-up; 0.5 falls once, to zero. At least 0.
  double num_cycles = 0.5;
};

// Computes the rates of `transformers.get_cosine_schedule_with_warmup`. Not thread-safe.
class CosineDecay final : public LambdaLR {
 public:
  // Throws c10::Error when an option is out of range.
  CosineDecay(torch::optim::Optimizer& optimizer, const CosineDecayOptions& options);
};

}  // namespace accelerate
