#pragma once

#include "kernels/adam/adam_element.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void adam_loop(const AdamScalars<float>& scalars, const AdamArrays<float>& arrays);
template <SimdLevel kLevel>
void adam_loop(const AdamScalars<double>& scalars, const AdamArrays<double>& arrays);

}  // namespace accelerate::kernels
