// Calls a function that simd_library compiled once for each SimdLevel.
//
// Example:
//   by_level(level, [&]<SimdLevel kLevel>() { scale_loop<kLevel>(data, type, count, factor); });
//
// Not for the sources of the loops, which are compiled for one level: see this_level.h.
#pragma once

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

// `level` has to be one of usable_simd_levels().
template <class Function>
auto by_level(SimdLevel level, Function function) {
#ifdef __x86_64__
  if (level == SimdLevel::kAvx512) return function.template operator()<SimdLevel::kAvx512>();
  if (level == SimdLevel::kAvx2) return function.template operator()<SimdLevel::kAvx2>();
#endif
  return function.template operator()<SimdLevel::kBaseline>();
}

}  // namespace accelerate::kernels
