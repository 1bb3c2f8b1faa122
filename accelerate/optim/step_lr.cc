#include "accelerate/optim/step_lr.h"

#include <c10/util/Exception.h>

#include <cmath>

namespace accelerate {

StepLR::StepLR(torch::optim::Optimizer& optimizer, const StepLROptions& options)
    : Scheduler(optimizer, "StepLR"), options_(options) {
  TORCH_CHECK(options.step_size > 0, "StepLR: step_size is ", options.step_size,
              ". Set it to the number of steps between two drops, at least 1.");
  TORCH_CHECK(std::isfinite(options.gamma) && options.gamma >= 0, "StepLR: gamma is ",
              options.gamma, ". Set it to a factor of at least 0, such as 0.1.");
  start();
}

std::vector<double> StepLR::next_rates(int64_t epoch) const {
  std::vector<double> next = rates();
  if (epoch == 0 || epoch % options_.step_size != 0) return next;
  for (double& rate : next) rate *= options_.gamma;
  return next;
}

}  // namespace accelerate
