#include "accelerate/optim/linear_decay.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace accelerate {
namespace {

RateFactor linear_factor(const LinearDecayOptions& options) {
  TORCH_CHECK(options.warmup_steps >= 0, "LinearDecay: warmup_steps is ", options.warmup_steps,
              ". Set it to the number of steps of the warm-up, or to 0 for none.");
  TORCH_CHECK(options.total_steps > 0, "LinearDecay: total_steps is ", options.total_steps,
              ". Set it to the number of steps of the whole training, at least 1.");
  return [options](int64_t step) {
    if (step < options.warmup_steps) {
      return static_cast<double>(step) / static_cast<double>(options.warmup_steps);
    }
    const int64_t decay_steps = options.total_steps - options.warmup_steps;
    return std::max(0.0, static_cast<double>(options.total_steps - step) /
                             static_cast<double>(std::max<int64_t>(1, decay_steps)));
  };
}

}  // namespace

LinearDecay::LinearDecay(torch::optim::Optimizer& optimizer, const LinearDecayOptions& options)
    : LambdaLR(optimizer, linear_factor(options), "LinearDecay") {}

}  // namespace accelerate
