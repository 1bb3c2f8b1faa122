// The dynamic loss scale as a value that is stored where the training runs, on the CPU or on a GPU.
//
// Example:
//   LossScale loss_scale = initial_loss_scale(65536);
//   loss_scale.overflow |= !norm.finite;  // For each optimizer.
//   update_loss_scale({}, loss_scale);    // Once a step.
//
// Not for training by LibTorch's operators: see accelerate/precision/loss_scale.h.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

struct LossScaleOptions {
  double growth_factor = 2;
  double backoff_factor = 0.5;
  int64_t growth_interval = 2000;  // How many steps in a row without an overflow raise the scale.
};

struct LossScale {
  float scale;
  float inverse;           // What gradients are to be multiplied by.
  int64_t growth_tracker;  // The steps without an overflow since the scale last changed.
  int32_t overflow;        // Whether a gradient of this step is infinite or NaN.
};

// Divides in double, so that the only rounding is the one to float.
ACCELERATE_HOST_DEVICE float inverse_of(float scale) { return static_cast<float>(1.0 / scale); }

inline LossScale initial_loss_scale(float scale) {
  return {.scale = scale, .inverse = inverse_of(scale), .growth_tracker = 0, .overflow = 0};
}

// The arithmetic of torch.amp.GradScaler. A scale that would become infinite does not change, and
// an interval that became shorter since the last update takes effect.
ACCELERATE_HOST_DEVICE void update_loss_scale(const LossScaleOptions& options, LossScale& state) {
  if (state.overflow != 0) {
    state.scale = static_cast<float>(state.scale * options.backoff_factor);
    state.growth_tracker = 0;
  } else if (++state.growth_tracker >= options.growth_interval) {
    const float larger = static_cast<float>(state.scale * options.growth_factor);
    state.scale = larger <= std::numeric_limits<float>::max() ? larger : state.scale;
    state.growth_tracker = 0;
  }
  state.inverse = inverse_of(state.scale);
  state.overflow = 0;
}

}  // namespace accelerate::kernels
