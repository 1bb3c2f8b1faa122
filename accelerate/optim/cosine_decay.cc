#include "accelerate/optim/cosine_decay.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace accelerate {
namespace {

RateFactor cosine_factor(const CosineDecayOptions& options) {
  TORCH_CHECK(options.warmup_steps >= 0, "CosineDecay: warmup_steps is ", options.warmup_steps,
              ". Set it to the number of steps of the warm-up, or to 0 for none.");
  TORCH_CHECK(options.total_steps > 0, "CosineDecay: total_steps is ", options.total_steps,
              ". Set it to the number of steps of the whole training, at least 1.");
  TORCH_CHECK(std::isfinite(options.num_cycles) && options.num_cycles >= 0,
              "CosineDecay: num_cycles is ", options.num_cycles,
              ". Set it to the number of waves, at least 0; 0.5 goes down once, to zero.");
  return [options](int64_t step) {
    if (step < options.warmup_steps) {
      return static_cast<double>(step) / static_cast<double>(options.warmup_steps);
    }
    const int64_t decay_steps = options.total_steps - options.warmup_steps;
    const double progress = static_cast<double>(step - options.warmup_steps) /
                            static_cast<double>(std::max<int64_t>(1, decay_steps));
    return std::max(0.0,
                    0.5 * (1.0 + std::cos(std::numbers::pi * options.num_cycles * 2.0 * progress)));
  };
}

}  // namespace

CosineDecay::CosineDecay(torch::optim::Optimizer& optimizer, const CosineDecayOptions& options)
    : LambdaLR(optimizer, cosine_factor(options), "CosineDecay") {}

}  // namespace accelerate
