#pragma once

#include "kernels/rmsprop/rmsprop_element.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void rmsprop_loop(const RmsPropScalars<float>& scalars, const RmsPropArrays<float>& arrays);
template <SimdLevel kLevel>
void rmsprop_loop(const RmsPropScalars<double>& scalars, const RmsPropArrays<double>& arrays);

}  // namespace accelerate::kernels
