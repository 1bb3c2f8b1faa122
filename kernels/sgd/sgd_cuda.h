// A step of SGD on a GPU, plain, with momentum or with Nesterov's: all parameters in one launch,
// each gradient read once, as it is.
//
// Example:
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   const cudaError_t error = sgd_cuda({.momentum = 0.9}, pieces, step, stream);
//
// Not for arrays that overlap.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/sgd/sgd.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

// What sgd() does with each of the pieces, to the same bits but for those of a NaN, for the number,
// learning rate and gradient factor of `step`, which is on the device; options.lr has no effect.
// Nothing at all is written where the step has an overflow. Does not wait and takes no memory; fit
// for capture.
cudaError_t sgd_cuda(const SgdOptions& options, std::span<const SgdPiece> pieces, const Step* step,
                     cudaStream_t stream);

}  // namespace accelerate::kernels
