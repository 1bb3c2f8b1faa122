// Multiplies an array by a number, in place.
//
// Example:
//   scale(gradients, ElementType::kBFloat16, count, 1.0 / world_size);
//
// Not on the way to another array: see kernels/pack.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// data[i] *= factor, calculated in float, and in double for kDouble.
void scale(void* data, ElementType type, int64_t count, double factor,
           SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
