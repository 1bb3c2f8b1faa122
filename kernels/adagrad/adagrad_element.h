// A step of Adagrad for one element.
//
// Example:
//   const AdagradScalars<T> scalars = adagrad_scalars<T>(options, step, gradient_factor);
//   adagrad_element(scalars, gradient[i], parameter[i], sum[i]);
//
// Not for host code outside of loops: see adagrad.h.
#pragma once

#include <cstdint>

#include "kernels/adagrad/adagrad.h"
#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

// What is the same for all elements, calculated in double and rounded once.
template <class T>
struct AdagradScalars {
  T gradient_factor;
  T weight_decay;
  T eps;
  T step_size;
};

template <class T>
AdagradScalars<T> adagrad_scalars(const AdagradOptions& options, int64_t step,
                                  double gradient_factor) {
  const double decay = 1 + static_cast<double>(step - 1) * options.lr_decay;
  return {.gradient_factor = static_cast<T>(gradient_factor),
          .weight_decay = static_cast<T>(options.weight_decay),
          .eps = static_cast<T>(options.eps),
          .step_size = static_cast<T>(options.lr / decay)};
}

template <class T>
ACCELERATE_HOST_DEVICE void adagrad_element(const AdagradScalars<T>& scalars, T gradient,
                                            T& parameter, T& sum) {
  T g = gradient * scalars.gradient_factor;
  // Chosen, because an infinite parameter times 0 is NaN.
  g = scalars.weight_decay != 0 ? g + scalars.weight_decay * parameter : g;
  sum += g * g;
  parameter -= scalars.step_size * g / (square_root(sum) + scalars.eps);
}

}  // namespace accelerate::kernels
