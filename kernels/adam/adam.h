// A step of Adam, AdamW or either with AMSGrad, in one pass over the arrays.
//
// Example:
//   adam({.lr = 1e-3, .weight_decay = 1e-2, .decoupled_weight_decay = true}, step,
//        1.0 / loss_scale,
//        AdamArrays<float>{.parameter = p, .gradient = g, .exp_avg = m, .exp_avg_sq = v,
//                          .count = n});
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;  // Of AdamW; otherwise it is added to the gradient.

  friend bool operator==(const AdamOptions&, const AdamOptions&) = default;
};

template <class T>
struct AdamArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* exp_avg = nullptr;
  T* exp_avg_sq = nullptr;
  T* max_exp_avg_sq = nullptr;  // Null without AMSGrad.
  int64_t count = 0;
};

// The arithmetic of torch::optim::Adam and AdamW for gradient[i] * gradient_factor. `step` is
// counted from 1, with this one.
void adam(const AdamOptions& options, int64_t step, double gradient_factor,
          const AdamArrays<float>& arrays, SimdLevel level = best_simd_level());
void adam(const AdamOptions& options, int64_t step, double gradient_factor,
          const AdamArrays<double>& arrays, SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
