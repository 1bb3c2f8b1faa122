#include "kernels/norm/norm.h"

#include <cmath>

#include "kernels/norm/norm_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {

SquaredNorm squared_norm(const void* data, ElementType type, int64_t count, SimdLevel level) {
  const double sum = by_level(
      level, [&]<SimdLevel kLevel>() { return squared_norm_loop<kLevel>(data, type, count); });
  // Only squares of doubles can overflow, so that a second look is as rare as an infinity.
  const bool finite = std::isfinite(sum) || std::isfinite(max_abs(data, type, count, level));
  return {.sum = sum, .finite = finite};
}

double max_abs(const void* data, ElementType type, int64_t count, SimdLevel level) {
  return by_level(level,
                  [&]<SimdLevel kLevel>() { return max_abs_loop<kLevel>(data, type, count); });
}

}  // namespace accelerate::kernels
