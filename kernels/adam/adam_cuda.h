// A step of Adam, AdamW or either with AMSGrad on a GPU: all parameters in one launch, each
// gradient read once, as it is.
//
// Example:
//   norm_cuda(gradients, scratch, norm, stream);
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   const cudaError_t error = adam_cuda({.weight_decay = 0.01}, pieces, step, stream);
//
// Not for arrays that overlap.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/adam/adam.h"
#include "kernels/adam/adam_piece.h"
#include "kernels/step/step.h"

namespace accelerate::kernels {

// What adam() does with each of the pieces, for the number, learning rate and gradient factor of
// `step`, which is on the device; options.lr has no effect. Nothing at all is written where the
// step has an overflow. The bits are those of adam() up to the bias corrections, of which the last
// bit can differ, and to those of a NaN. Does not wait and takes no memory; fit for capture.
cudaError_t adam_cuda(const AdamOptions& options, std::span<const AdamPiece> pieces,
                      const Step* step, cudaStream_t stream);

}  // namespace accelerate::kernels
