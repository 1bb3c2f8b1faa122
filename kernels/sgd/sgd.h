// A step of SGD, plain, with momentum or with Nesterov's, in one pass over the arrays.
//
// Example:
//   sgd({.lr = 0.1, .momentum = 0.9}, step == 1, 1.0 / loss_scale,
//       SgdArrays<float>{.parameter = p, .gradient = g, .momentum_buffer = b, .count = n});
//
// Not for arrays that overlap.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  friend bool operator==(const SgdOptions&, const SgdOptions&) = default;
};

template <class T>
struct SgdArrays {
  T* parameter = nullptr;
  const T* gradient = nullptr;
  T* momentum_buffer = nullptr;  // Null without momentum.
  int64_t count = 0;
};

// The arithmetic of torch::optim::SGD for gradient[i] * gradient_factor. The first step fills the
// momentum buffer, whatever it holds.
void sgd(const SgdOptions& options, bool first_step, double gradient_factor,
         const SgdArrays<float>& arrays, SimdLevel level = best_simd_level());
void sgd(const SgdOptions& options, bool first_step, double gradient_factor,
         const SgdArrays<double>& arrays, SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
