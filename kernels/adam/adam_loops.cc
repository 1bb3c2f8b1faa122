#include "kernels/adam/adam_loops.h"

#include <cstdint>

#include "kernels/simd/this_level.h"

namespace accelerate::kernels {
namespace {

template <class T>
void adam_elements(const AdamScalars<T> scalars, const AdamArrays<T>& arrays) {
  T* parameter = arrays.parameter;
  const T* gradient = arrays.gradient;
  T* exp_avg = arrays.exp_avg;
  T* exp_avg_sq = arrays.exp_avg_sq;
  T* max_exp_avg_sq = arrays.max_exp_avg_sq;
  const int64_t count = arrays.count;
  if (max_exp_avg_sq == nullptr) {
    T unused = 0;
    // __restrict does not survive the references of the element function.
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      adam_element<T, false>(scalars, gradient[i], parameter[i], exp_avg[i], exp_avg_sq[i], unused);
    }
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      adam_element<T, true>(scalars, gradient[i], parameter[i], exp_avg[i], exp_avg_sq[i],
                            max_exp_avg_sq[i]);
    }
  }
}

}  // namespace

template <>
void adam_loop<kThisLevel>(const AdamScalars<float>& scalars, const AdamArrays<float>& arrays) {
  adam_elements(scalars, arrays);
}

template <>
void adam_loop<kThisLevel>(const AdamScalars<double>& scalars, const AdamArrays<double>& arrays) {
  adam_elements(scalars, arrays);
}

}  // namespace accelerate::kernels
