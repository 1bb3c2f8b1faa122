#include "kernels/adam/adam.h"

#include "kernels/adam/adam_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void adam_step(const AdamOptions& options, int64_t step, double gradient_factor,
               const AdamArrays<T>& arrays, SimdLevel level) {
  const AdamScalars<T> scalars = adam_scalars<T>(options, step, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { adam_loop<kLevel>(scalars, arrays); });
}

}  // namespace

void adam(const AdamOptions& options, int64_t step, double gradient_factor,
          const AdamArrays<float>& arrays, SimdLevel level) {
  adam_step(options, step, gradient_factor, arrays, level);
}

void adam(const AdamOptions& options, int64_t step, double gradient_factor,
          const AdamArrays<double>& arrays, SimdLevel level) {
  adam_step(options, step, gradient_factor, arrays, level);
}

}  // namespace accelerate::kernels
