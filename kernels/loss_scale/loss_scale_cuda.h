// The end of a step for a loss scale on a GPU.
//
// Example:
//   // After the last optimizer's step and before the next loss is multiplied by loss_scale->scale:
//   const cudaError_t error = update_loss_scale_cuda({}, loss_scale, stream);
//
// Not for several updates a step: they would count the step as several.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/loss_scale/loss_scale.h"

namespace accelerate::kernels {

// Does update_loss_scale() for a LossScale on the device. Does not wait or allocate memory, so it
// can be captured.
cudaError_t update_loss_scale_cuda(const LossScaleOptions& options, LossScale* state,
                                   cudaStream_t stream);

}  // namespace accelerate::kernels
