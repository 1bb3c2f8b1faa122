#include "kernels/device/launch.h"
#include "kernels/loss_scale/loss_scale_cuda.h"

namespace accelerate::kernels {
namespace {

__global__ void update_kernel(LossScaleOptions options, LossScale* state) {
  update_loss_scale(options, *state);
}

}  // namespace

cudaError_t update_loss_scale_cuda(const LossScaleOptions& options, LossScale* state,
                                   cudaStream_t stream) {
  return launch(update_kernel, 1, 1, stream, options, state);
}

}  // namespace accelerate::kernels
