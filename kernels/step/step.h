// What an optimizer reads about a step. On a GPU it is on the device, so that neither the outcome
// of a step nor the factor that clips it has to reach the host; for an optimizer on the CPU it is
// in the host's memory.
//
// Example:
//   begin_step({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, *step);
//   if (step->overflow == 0) update(step->gradient_factor);
//
// Not for several optimizers whose gradients are clipped separately: each has its own Step.
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
  int32_t overflow = 0;  // If not 0, the optimizer writes nothing at all.
};

// Arguments of begin_step(), any of which may be left out.
struct StepInputs {
  // The norm of the gradients as they are, before the loss scale is taken out of them. Null without
  // clipping and loss scale.
  const NormResult* norm = nullptr;
  // Null without one; then no step is skipped because its gradients are not finite.
  LossScale* loss_scale = nullptr;
  // The largest norm of the gradients without the loss scale.
  double max_norm = std::numeric_limits<double>::infinity();
  // Where to write the norm of the gradients without the loss scale; null for nowhere.
  float* norm_out = nullptr;
  // Whether the step was begun before. Then it keeps its overflow and the factor that it has.
  bool go_on = false;
};

// As in torch.nn.utils.clip_grad_norm_, which adds it to the norm.
inline constexpr double kClipEps = 1e-6;

// The coefficient of torch.nn.utils.clip_grad_norm_: NaN for a norm of NaN.
ACCELERATE_HOST_DEVICE double clip_coefficient(double norm, double max_norm) {
  // Without a limit, infinite gradients do not change.
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
