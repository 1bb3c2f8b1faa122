#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
double squared_norm_loop(const void* data, ElementType type, int64_t count);

template <SimdLevel kLevel>
double max_abs_loop(const void* data, ElementType type, int64_t count);

}  // namespace accelerate::kernels
