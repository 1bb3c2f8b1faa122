// What an optimizer on a GPU reads there, so that neither the outcome of a step nor what clips it
// has to reach the host. An optimizer on the CPU reads the same in the host's memory.
//
// Example:
//   begin_step({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, *step);
//   if (step->overflow == 0) update(step->gradient_factor);
//
// Not for several optimizers whose gradients are clipped apart: each has a Step of its own.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/loss_scale/loss_scale.h"
#include "kernels/norm/norm_piece.h"
#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

struct Step {
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
  // Where the norm of the gradients without the loss scale is wanted; null for nowhere.
  float* norm_out = nullptr;
  // The step was begun before: what it has found and the factor that it has stay.
  bool go_on = false;
};

// As in torch.nn.utils.clip_grad_norm_, which adds it to the norm.
inline constexpr double kClipEps = 1e-6;

// That of torch.nn.utils.clip_grad_norm_: NaN for a norm of NaN.
ACCELERATE_HOST_DEVICE double clip_coefficient(double norm, double max_norm) {
  // Without a limit, infinite gradients stay.
  if (max_norm == std::numeric_limits<double>::infinity()) return 1;
  const double coefficient = max_norm / (norm + kClipEps);
  return coefficient > 1 ? 1 : coefficient;
}

// Also notes an overflow in the loss scale.
ACCELERATE_HOST_DEVICE void begin_step(const StepInputs& inputs, Step& step) {
  if (!inputs.go_on) {
    step = {};
    if (inputs.loss_scale != nullptr) {
      step.gradient_factor = inputs.loss_scale->inverse;
      step.overflow = inputs.norm != nullptr && inputs.norm->finite == 0;
      inputs.loss_scale->overflow |= step.overflow;
    }
  }
  if (inputs.norm == nullptr) return;
  const double norm = square_root(inputs.norm->sum) * step.gradient_factor;
  if (inputs.norm_out != nullptr) *inputs.norm_out = static_cast<float>(norm);
  step.gradient_factor *= clip_coefficient(norm, inputs.max_norm);
}

}  // namespace accelerate::kernels
