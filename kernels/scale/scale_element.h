// Multiplies a number and converts it.
//
// Example:
//   const ScaleFactor<BFloat16, float> narrow = factor;
//   destination[i] = scale_element<BFloat16>(source[i], narrow);
//
// Not for host code outside of loops: see scale.h and kernels/pack.
#pragma once

#include <type_traits>

#include "kernels/simd/host_device.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {

// The type in which the product is calculated.
template <class To, class From>
using ScaleFactor =
    std::conditional_t<std::is_same_v<To, double> || std::is_same_v<From, double>, double, float>;

template <class To, class From>
ACCELERATE_HOST_DEVICE To scale_element(From value, ScaleFactor<To, From> factor) {
  return convert<To>(convert<ScaleFactor<To, From>>(value) * factor);
}

}  // namespace accelerate::kernels
