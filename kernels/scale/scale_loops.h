#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void scale_loop(void* data, ElementType type, int64_t count, double factor);

}  // namespace accelerate::kernels
