#include "kernels/sgd/sgd_loops.h"

#include <cstdint>

#include "kernels/simd/this_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void sgd_elements(const SgdScalars<T> scalars, const SgdArrays<T>& arrays) {
  T* parameter = arrays.parameter;
  const T* gradient = arrays.gradient;
  T* momentum_buffer = arrays.momentum_buffer;
  const int64_t count = arrays.count;
  if (momentum_buffer == nullptr) {
    T unused = 0;
    // __restrict does not survive the references of the element function.
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      sgd_element<T, false>(scalars, gradient[i], parameter[i], unused);
    }
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      sgd_element<T, true>(scalars, gradient[i], parameter[i], momentum_buffer[i]);
    }
  }
}

}  // namespace

template <>
void sgd_loop<kThisLevel>(const SgdScalars<float>& scalars, const SgdArrays<float>& arrays) {
  sgd_elements(scalars, arrays);
}

template <>
void sgd_loop<kThisLevel>(const SgdScalars<double>& scalars, const SgdArrays<double>& arrays) {
  sgd_elements(scalars, arrays);
}

}  // namespace accelerate::kernels
