#pragma once

#include "kernels/adagrad/adagrad_element.h"
#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

template <SimdLevel kLevel>
void adagrad_loop(const AdagradScalars<float>& scalars, const AdagradArrays<float>& arrays);
template <SimdLevel kLevel>
void adagrad_loop(const AdagradScalars<double>& scalars, const AdagradArrays<double>& arrays);

}  // namespace accelerate::kernels
