// Copies arrays to the memory in which they travel, or back, each multiplied by its factor and
// converted to another type: in one launch on a GPU, on LibTorch's threads on the CPU.
//
// Part of what syncs gradients; not for others.
#pragma once

#include <c10/core/Device.h>

#include <vector>

#include "kernels/pack/pack.h"

namespace accelerate::internal {

// `type` is that of the destinations. Destinations and sources must be on `device`.
void copy_pieces(const std::vector<kernels::PackPiece>& pieces, kernels::ElementType type,
                 c10::Device device);

}  // namespace accelerate::internal
