// The instruction sets that kernels are compiled for.
//
// Example:
//   for (SimdLevel level : usable_simd_levels()) scale(data, type, count, 0.5, level);
//
// Not for callers of kernels: a kernel takes best_simd_level() by itself, and its result is the
// same at every level.
#pragma once

#include <span>

namespace accelerate::kernels {

enum class SimdLevel {
  kBaseline,  // What every CPU of the platform has.
  kAvx2,
  kAvx512,  // F, BW, VL and DQ.
};

// The levels that this program was compiled for and this CPU has, the best last. Thread-safe.
std::span<const SimdLevel> usable_simd_levels();

SimdLevel best_simd_level();

}  // namespace accelerate::kernels
