#include "kernels/adagrad/adagrad.h"

#include "kernels/adagrad/adagrad_loops.h"
#include "kernels/simd/by_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void adagrad_step(const AdagradOptions& options, int64_t step, double gradient_factor,
                  const AdagradArrays<T>& arrays, SimdLevel level) {
  const AdagradScalars<T> scalars = adagrad_scalars<T>(options, step, gradient_factor);
  by_level(level, [&]<SimdLevel kLevel>() { adagrad_loop<kLevel>(scalars, arrays); });
}

}  // namespace

void adagrad(const AdagradOptions& options, int64_t step, double gradient_factor,
             const AdagradArrays<float>& arrays, SimdLevel level) {
  adagrad_step(options, step, gradient_factor, arrays, level);
}

void adagrad(const AdagradOptions& options, int64_t step, double gradient_factor,
             const AdagradArrays<double>& arrays, SimdLevel level) {
  adagrad_step(options, step, gradient_factor, arrays, level);
}

}  // namespace accelerate::kernels
