#pragma once

#include "kernels/combine/combine.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void combine_loop(const Combination& combination, NumberType type);

}  // namespace accelerate::kernels
