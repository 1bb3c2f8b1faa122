#include "accelerate/device/gpu_kernels.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/loss_scale/loss_scale_cuda.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/pack/pack_cuda.h"
#include "kernels/step/step_cuda.h"

namespace accelerate::gpu {
namespace {

// Calls the function with the stream that LibTorch's own operators would take.
template <class Launch>
void on(c10::Device device, Launch&& launch) {
  const c10::cuda::CUDAGuard guard(device);
  C10_CUDA_CHECK(launch(c10::cuda::getCurrentCUDAStream(device.index()).stream()));
}

}  // namespace

void pack(c10::Device device, std::span<const kernels::PackPiece> pieces,
          kernels::ElementType destination_type) {
  on(device,
     [&](cudaStream_t stream) { return kernels::pack_cuda(pieces, destination_type, stream); });
}

int64_t norm_scratch_bytes(std::span<const kernels::NormPiece> pieces) {
  return kernels::norm_scratch_bytes(pieces);
}

void norm(c10::Device device, std::span<const kernels::NormPiece> pieces, void* scratch,
          kernels::NormResult* result) {
  on(device,
     [&](cudaStream_t stream) { return kernels::norm_cuda(pieces, scratch, result, stream); });
}

void begin_step(c10::Device device, const kernels::StepInputs& inputs, kernels::Step* step) {
  on(device, [&](cudaStream_t stream) { return kernels::begin_step_cuda(inputs, step, stream); });
}

void update_loss_scale(c10::Device device, const kernels::LossScaleOptions& options,
                       kernels::LossScale* state) {
  on(device,
     [&](cudaStream_t stream) { return kernels::update_loss_scale_cuda(options, state, stream); });
}

void launch(c10::Device device, c10::function_ref<int(void* stream)> kernel) {
  on(device, [&](cudaStream_t stream) { return static_cast<cudaError_t>(kernel(stream)); });
}

}  // namespace accelerate::gpu
