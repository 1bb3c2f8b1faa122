// What an optimizer on a GPU reads there, so that neither the outcome of a step nor its number has
// to reach the host.
//
// Example:
//   begin_step({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, *step);
//   if (step->overflow == 0) update(step->number, step->lr, step->gradient_factor);
//
// Not for optimizers on the CPU, which take these as arguments.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/loss_scale/loss_scale.h"
#include "kernels/norm/norm_piece.h"
#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

struct Step {
  int64_t number = 0;  // Counted from 1, with this one; steps with an overflow do not count.
  double lr = 0;       // The caller's, who may write it between any two steps.
  double gradient_factor = 1;
  int32_t overflow = 0;  // Then the optimizer writes nothing at all.
};

// Arguments of begin_step(), any of which may be left out.
struct StepInputs {
  // Of the gradients as they are, that is before the loss scale is taken out of them. Null without
  // clipping and loss scale.
  const NormResult* norm = nullptr;
  // Null without one; then gradients that are not finite are no reason to skip a step.
  LossScale* loss_scale = nullptr;
  // Of the gradients without the loss scale.
  double max_norm = std::numeric_limits<double>::infinity();
};

// That of torch.nn.utils.clip_grad_norm_: NaN for a norm of NaN.
ACCELERATE_HOST_DEVICE double clip_coefficient(double norm, double max_norm) {
  // Without a limit, infinite gradients stay.
  if (max_norm == std::numeric_limits<double>::infinity()) return 1;
  const double coefficient = max_norm / (norm + 1e-6);
  return coefficient > 1 ? 1 : coefficient;
}

// Also notes an overflow in the loss scale.
ACCELERATE_HOST_DEVICE void begin_step(const StepInputs& inputs, Step& step) {
  step.gradient_factor = 1;
  step.overflow = 0;
  if (inputs.loss_scale != nullptr) {
    step.gradient_factor = inputs.loss_scale->inverse;
    step.overflow = inputs.norm != nullptr && inputs.norm->finite == 0;
    inputs.loss_scale->overflow |= step.overflow;
  }
  if (inputs.norm != nullptr) {
    const double norm = square_root(inputs.norm->sum) * step.gradient_factor;
    step.gradient_factor *= clip_coefficient(norm, inputs.max_norm);
  }
  step.number += step.overflow == 0;
}

}  // namespace accelerate::kernels
