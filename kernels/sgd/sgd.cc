#include "kernels/sgd/sgd.h"

#include "kernels/sgd/sgd_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void sgd_step(const SgdOptions& options, bool first_step, double gradient_factor,
              const SgdArrays<T>& arrays, SimdLevel level) {
  const SgdScalars<T> scalars = sgd_scalars<T>(options, first_step, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { sgd_loop<kLevel>(scalars, arrays); });
}

}  // namespace

void sgd(const SgdOptions& options, bool first_step, double gradient_factor,
         const SgdArrays<float>& arrays, SimdLevel level) {
  sgd_step(options, first_step, gradient_factor, arrays, level);
}

void sgd(const SgdOptions& options, bool first_step, double gradient_factor,
         const SgdArrays<double>& arrays, SimdLevel level) {
  sgd_step(options, first_step, gradient_factor, arrays, level);
}

}  // namespace accelerate::kernels
