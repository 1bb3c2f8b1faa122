#pragma once

#include "kernels/pack/pack.h"
#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// Source and destination are different arrays.
template <SimdLevel kLevel>
void pack_loop(const PackPiece& piece, ElementType destination_type);

}  // namespace accelerate::kernels
