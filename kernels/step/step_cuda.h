// The beginning of an optimizer's step on a GPU, between norm_cuda() and the optimizer's kernel.
//
// Example:
//   begin_step_cuda({.norm = norm, .loss_scale = loss_scale, .max_norm = 1}, step, stream);
//   optimizer_cuda<Adam>(pieces, groups, slots, step, stream);
//
// Not for the CPU: see begin_step().
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/step/step.h"

namespace accelerate::kernels {

// Does begin_step() with all addresses on the device. Does not wait or allocate memory, so it can
// be captured.
cudaError_t begin_step_cuda(const StepInputs& inputs, Step* step, cudaStream_t stream);

}  // namespace accelerate::kernels
