// The kernels of a training step for memory on a GPU, launched on the current stream of the device.
//
//   gpu::norm(device, pieces, scratch, norm);
//   gpu::begin_step(device, {.norm = norm, .loss_scale = scale, .max_norm = 1}, step);
//   gpu::adam(device, parameters, groups, slots, step);
//
// All addresses are of the device. Nothing here waits or takes memory, so that streams which are
// being captured take it. Each throws c10::Error when a launch fails, and where CUDA is not in this
// build. Not for the CPU, which calls the functions of kernels/ themselves.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <span>

#include "kernels/adam/adam_piece.h"
#include "kernels/adam/adam_slot.h"
#include "kernels/loss_scale/loss_scale.h"
#include "kernels/norm/norm_piece.h"
#include "kernels/pack/pack.h"
#include "kernels/sgd/sgd_piece.h"
#include "kernels/sgd/sgd_slot.h"
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
// See adam_cuda() and sgd_cuda().
void adam(c10::Device device, std::span<const kernels::AdamPiece> pieces,
          const kernels::AdamOptions* groups, kernels::AdamSlot* slots, const kernels::Step* step);
void sgd(c10::Device device, std::span<const kernels::SgdPiece> pieces,
         const kernels::SgdOptions* groups, kernels::SgdSlot* slots, const kernels::Step* step);

}  // namespace accelerate::gpu
