#include "kernels/rmsprop/rmsprop.h"

#include "kernels/rmsprop/rmsprop_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void rmsprop_step(const RmsPropOptions& options, double gradient_factor,
                  const RmsPropArrays<T>& arrays, SimdLevel level) {
  const RmsPropScalars<T> scalars = rmsprop_scalars<T>(options, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { rmsprop_loop<kLevel>(scalars, arrays); });
}

}  // namespace

void rmsprop(const RmsPropOptions& options, double gradient_factor,
             const RmsPropArrays<float>& arrays, SimdLevel level) {
  rmsprop_step(options, gradient_factor, arrays, level);
}

void rmsprop(const RmsPropOptions& options, double gradient_factor,
             const RmsPropArrays<double>& arrays, SimdLevel level) {
  rmsprop_step(options, gradient_factor, arrays, level);
}

}  // namespace accelerate::kernels
