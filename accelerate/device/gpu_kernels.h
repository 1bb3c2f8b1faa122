// The kernels of a training step for memory on a GPU, launched on the current stream of the device.
//
//   gpu::norm(device, gradients, scratch, norm);
//   gpu::begin_step(device, {.norm = norm, .loss_scale = scale, .max_norm = 1}, step);
//   gpu::launch(device, [&](void* stream) {
//     return kernels::optimizer_cuda<kernels::Adam>(pieces, groups, slots, step, stream);
//   });
//
// All addresses are device addresses. Nothing here waits or allocates memory, so all of it works on
// a stream that is being captured. Each function throws c10::Error if a launch fails, and if CUDA
// is not in this build. Not for the CPU: call the functions of kernels/ directly there.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <span>

#include "kernels/loss_scale/loss_scale.h"
#include "kernels/norm/norm_piece.h"
#include "kernels/pack/pack.h"
#include "kernels/step/step.h"
#include "kernels/types/element_type.h"

namespace accelerate::gpu {

// See pack_cuda().
void pack(c10::Device device, std::span<const kernels::PackPiece> pieces,
          kernels::ElementType destination_type);
// See norm_cuda().
int64_t norm_scratch_bytes(std::span<const kernels::NormPiece> pieces);
void norm(c10::Device device, std::span<const kernels::NormPiece> pieces, void* scratch,
          kernels::NormResult* result);
// See begin_step_cuda() and update_loss_scale_cuda().
void begin_step(c10::Device device, const kernels::StepInputs& inputs, kernels::Step* step);
void update_loss_scale(c10::Device device, const kernels::LossScaleOptions& options,
                       kernels::LossScale* state);
// Launches a kernel that has no function here: calls `kernel` with the stream, a cudaStream_t.
// `kernel` returns a cudaError_t, 0 for success.
void launch(c10::Device device, c10::function_ref<int(void* stream)> kernel);

}  // namespace accelerate::gpu
