#include "kernels/adagrad/adagrad_loops.h"

#include <cstdint>

#include "kernels/simd/this_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void adagrad_elements(const AdagradScalars<T> scalars, const AdagradArrays<T>& arrays) {
  T* parameter = arrays.parameter;
  const T* gradient = arrays.gradient;
  T* sum = arrays.sum;
  const int64_t count = arrays.count;
  // __restrict does not survive the references of the element function.
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    adagrad_element(scalars, gradient[i], parameter[i], sum[i]);
  }
}

}  // namespace

template <>
void adagrad_loop<kThisLevel>(const AdagradScalars<float>& scalars,
                              const AdagradArrays<float>& arrays) {
  adagrad_elements(scalars, arrays);
}

template <>
void adagrad_loop<kThisLevel>(const AdagradScalars<double>& scalars,
                              const AdagradArrays<double>& arrays) {
  adagrad_elements(scalars, arrays);
}

}  // namespace accelerate::kernels
