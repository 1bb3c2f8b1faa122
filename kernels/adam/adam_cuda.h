// A step of Adam, AdamW or either with AMSGrad on a GPU: all parameters in one launch, whatever
// groups they are of, each gradient read once, as it is.
//
// Example:
//   norm_cuda(gradients, scratch, norm, stream);
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   const cudaError_t error = adam_cuda(pieces, groups, slots, step, stream);
//
// Not for arrays that overlap.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/adam/adam.h"
#include "kernels/adam/adam_piece.h"
#include "kernels/adam/adam_slot.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

// What adam() does with each of the pieces, whose options, numbers of steps and gradient factor are
// on the device, where the host may write options between any two steps. Counts the step in the
// slot of each piece. Nothing at all is written where the step has an overflow. The bits are those
// of adam() up to the bias corrections, of which the last bit can differ, and to those of a NaN.
// Does not wait and takes no memory; fit for capture.
cudaError_t adam_cuda(std::span<const AdamPiece> pieces, const AdamOptions* groups, AdamSlot* slots,
                      const Step* step, cudaStream_t stream);

}  // namespace accelerate::kernels
