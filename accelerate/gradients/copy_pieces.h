// Copies arrays to where they travel, or back, each times its factor and to another type: in one
// launch on a GPU, on LibTorch's threads on the CPU. Part of what syncs gradients; not for others.
#pragma once

#include <c10/core/Device.h>

#include <vector>

#include "kernels/pack/pack.h"

namespace accelerate::internal {

// `type` is that of the destinations, which are on the device as the sources are.
void copy_pieces(const std::vector<kernels::PackPiece>& pieces, kernels::ElementType type,
                 c10::Device device);

}  // namespace accelerate::internal
