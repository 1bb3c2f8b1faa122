#include "kernels/combine/combine.h"

#include "kernels/combine/combine_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {

void combine(const Combination& combination, NumberType type, SimdLevel level) {
  by_level(level, [&]<SimdLevel kLevel>() { combine_loop<kLevel>(combination, type); });
}

}  // namespace accelerate::kernels
