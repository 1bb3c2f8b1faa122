// What of a step of SGD is the same for all elements of one parameter, kept where the parameter is.
//
// Example:
//   begin_sgd(options[piece.group], *step, piece, slots[piece.slot]);
//
// Not for optimizers whose host knows which steps were skipped.
#pragma once

#include <cstdint>

#include "kernels/sgd/sgd_element.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/simd/host_device.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

struct SgdSlot {
  // Steps with momentum up to now, of which it matters whether there was one: the first begins the
  // buffer. Those with an overflow do not count.
  int64_t number = 0;
  SgdScalars<float> scalars = {};
};

ACCELERATE_HOST_DEVICE void begin_sgd(const SgdOptions& options, const Step& step,
                                      const SgdPiece& piece, SgdSlot& slot) {
  if (step.overflow != 0) return;
  slot.number += piece.momentum_buffer != nullptr;
  slot.scalars = sgd_scalars<float>(options, slot.number == 1, step.gradient_factor);
}

}  // namespace accelerate::kernels
