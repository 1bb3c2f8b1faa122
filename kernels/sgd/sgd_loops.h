#pragma once

#include "kernels/sgd/sgd_element.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void sgd_loop(const SgdScalars<float>& scalars, const SgdArrays<float>& arrays);
template <SimdLevel kLevel>
void sgd_loop(const SgdScalars<double>& scalars, const SgdArrays<double>& arrays);

}  // namespace accelerate::kernels
