// What of a step of Adam is the same for all elements of one parameter, kept where the parameter
// is: LibTorch counts the steps of each parameter apart.
//
// Example:
//   begin_adam(options[piece.group], *step, slots[piece.slot]);
//
// Not for optimizers whose host knows which steps were skipped.
#pragma once

#include <cstdint>

#include "kernels/adam/adam_element.h"
#include "kernels/simd/host_device.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

struct AdamSlot {
  int64_t number = 0;  // Steps up to now; those with an overflow do not count.
  AdamScalars<float> scalars = {};
};

ACCELERATE_HOST_DEVICE void begin_adam(const AdamOptions& options, const Step& step,
                                       AdamSlot& slot) {
  if (step.overflow != 0) return;
  ++slot.number;
  slot.scalars = adam_scalars<float>(options, slot.number, step.gradient_factor);
}

}  // namespace accelerate::kernels
