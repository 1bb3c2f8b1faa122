// Does on the CPU, in this thread, what the kernel of an optimizer does on a GPU.
//
//   GpuFused<FusedSgd> fused(sgd, at::kCPU, {}, launch_here<FusedSgd>);
//
// For tests only.
#pragma once

#include <c10/core/Device.h>

#include <span>
#include <vector>

#include "accelerate/optim/gpu_fused.h"
#include "kernels/optimizer/optimizer_chunk.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/element_type.h"

namespace accelerate::internal {

template <class Rule>
void launch_here(c10::Device, std::span<const typename GpuFused<Rule>::Piece> pieces,
                 const typename GpuFused<Rule>::Options* groups,
                 typename GpuFused<Rule>::Slot* slots, const kernels::Step* step,
                 kernels::ElementType moment_type) {
  if (step->overflow != 0) return;
  for (const auto& piece : pieces)
    kernels::begin_piece(groups[piece.group], *step, piece, slots[piece.slot]);
  kernels::run_chunks(std::vector(pieces.begin(), pieces.end()),
                      [&](const auto& piece, const kernels::Chunk& chunk, kernels::Worker worker) {
                        if (moment_type == kernels::ElementType::kBFloat16) {
                          kernels::step_chunk<kernels::BFloat16>(slots[piece.slot], piece, chunk,
                                                                 worker);
                        } else {
                          kernels::step_chunk<float>(slots[piece.slot], piece, chunk, worker);
                        }
                      });
}

}  // namespace accelerate::internal
