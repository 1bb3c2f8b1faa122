#include "kernels/device/launch.h"
#include "kernels/step/step_cuda.h"

namespace accelerate::kernels {
namespace {

__global__ void begin_kernel(StepInputs inputs, Step* step) { begin_step(inputs, *step); }

}  // namespace

cudaError_t begin_step_cuda(const StepInputs& inputs, Step* step, cudaStream_t stream) {
  return launch(begin_kernel, 1, 1, stream, inputs, step);
}

}  // namespace accelerate::kernels
