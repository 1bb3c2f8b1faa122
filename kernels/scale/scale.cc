#include "kernels/scale/scale.h"

#include "kernels/scale/scale_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {

void scale(void* data, ElementType type, int64_t count, double factor, SimdLevel level) {
  if (factor == 1) return;
  by_level(level, [&]<SimdLevel kLevel>() { scale_loop<kLevel>(data, type, count, factor); });
}

}  // namespace accelerate::kernels
