#include "kernels/rmsprop/rmsprop_loops.h"

#include <cstdint>

#include "kernels/simd/this_level.h"

namespace accelerate::kernels {
namespace {

template <bool kMomentum, bool kCentered, class T>
void rmsprop_elements(const RmsPropScalars<T> scalars, const RmsPropArrays<T>& arrays) {
  T* parameter = arrays.parameter;
  const T* gradient = arrays.gradient;
  T* square_avg = arrays.square_avg;
  T* momentum_buffer = arrays.momentum_buffer;
  T* grad_avg = arrays.grad_avg;
  const int64_t count = arrays.count;
  T unused = 0;
  // __restrict does not survive the references of the element function.
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    rmsprop_element<T, kMomentum, kCentered>(scalars, gradient[i], parameter[i], square_avg[i],
                                             kMomentum ? momentum_buffer[i] : unused,
                                             kCentered ? grad_avg[i] : unused);
  }
}

template <class T>
void choose_elements(const RmsPropScalars<T>& scalars, const RmsPropArrays<T>& arrays) {
  const bool centered = arrays.grad_avg != nullptr;
  if (arrays.momentum_buffer != nullptr) {
    centered ? rmsprop_elements<true, true>(scalars, arrays)
             : rmsprop_elements<true, false>(scalars, arrays);
  } else {
    centered ? rmsprop_elements<false, true>(scalars, arrays)
             : rmsprop_elements<false, false>(scalars, arrays);
  }
}

}  // namespace

template <>
void rmsprop_loop<kThisLevel>(const RmsPropScalars<float>& scalars,
                              const RmsPropArrays<float>& arrays) {
  choose_elements(scalars, arrays);
}

template <>
void rmsprop_loop<kThisLevel>(const RmsPropScalars<double>& scalars,
                              const RmsPropArrays<double>& arrays) {
  choose_elements(scalars, arrays);
}

}  // namespace accelerate::kernels
