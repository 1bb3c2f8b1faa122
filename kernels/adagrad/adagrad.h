// A step of Adagrad, in one pass over the arrays.
//
// Example:
//   adagrad({.lr = 0.01}, step, 1.0 / loss_scale,
//           AdagradArrays<float>{.parameter = p, .gradient = g, .sum = s, .count = n});
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double eps = 1e-10;
};

template <class T>
struct AdagradArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* sum = nullptr;
  int64_t count = 0;
};

// The arithmetic of torch::optim::Adagrad for gradient[i] * gradient_factor. `step` is counted from
// 1, with this one.
void adagrad(const AdagradOptions& options, int64_t step, double gradient_factor,
             const AdagradArrays<float>& arrays, SimdLevel level = best_simd_level());
void adagrad(const AdagradOptions& options, int64_t step, double gradient_factor,
             const AdagradArrays<double>& arrays, SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
