// A step of RMSprop, with momentum and centered where wanted, in one pass over the arrays.
//
// Example:
//   rmsprop({.lr = 0.01, .momentum = 0.9}, 1.0 / loss_scale,
//           RmsPropArrays<float>{.parameter = p, .gradient = g, .square_avg = s,
//                                .momentum_buffer = b, .count = n});
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

struct RmsPropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
};

template <class T>
struct RmsPropArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* square_avg = nullptr;
  T* momentum_buffer = nullptr;  // Null without momentum.
  T* grad_avg = nullptr;         // Null unless centered.
  int64_t count = 0;
};

// The arithmetic of torch::optim::RMSprop for gradient[i] * gradient_factor.
void rmsprop(const RmsPropOptions& options, double gradient_factor,
             const RmsPropArrays<float>& arrays, SimdLevel level = best_simd_level());
void rmsprop(const RmsPropOptions& options, double gradient_factor,
             const RmsPropArrays<double>& arrays, SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
