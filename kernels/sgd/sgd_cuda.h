// A step of SGD on a GPU, plain, with momentum or with Nesterov's: all parameters in one launch,
// whatever groups they are of, each gradient read once, as it is.
//
// Example:
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   const cudaError_t error = sgd_cuda(pieces, groups, slots, step, stream);
//
// Not for arrays that overlap.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/sgd/sgd.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/sgd/sgd_slot.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

// What sgd() does with each of the pieces, to the same bits but for those of a NaN; options,
// numbers of steps and gradient factor are on the device, where the host may write options between
// any two steps. Counts the step in the slot of each piece. Nothing at all is written where the
// step has an overflow. Does not wait and takes no memory; fit for capture.
cudaError_t sgd_cuda(std::span<const SgdPiece> pieces, const SgdOptions* groups, SgdSlot* slots,
                     const Step* step, cudaStream_t stream);

}  // namespace accelerate::kernels
