// A step of SGD for one element.
//
// Example:
//   const SgdScalars<T> scalars = sgd_scalars<T>(options, first_step, gradient_factor);
//   sgd_element<T, true>(scalars, gradient[i], parameter[i], momentum_buffer[i]);
//
// Not for host code outside of loops: see sgd.h.
#pragma once

#include "kernels/sgd/sgd.h"
#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

// What is the same for all elements, calculated in double and rounded once.
template <class T>
struct SgdScalars {
  T gradient_factor;
  T weight_decay;
  T momentum;
  T one_minus_dampening;
  T lr;
  bool first_step;
  bool nesterov;
};

template <class T>
ACCELERATE_HOST_DEVICE SgdScalars<T> sgd_scalars(const SgdOptions& options, bool first_step,
                                                 double gradient_factor) {
  return {.gradient_factor = static_cast<T>(gradient_factor),
          .weight_decay = static_cast<T>(options.weight_decay),
          .momentum = static_cast<T>(options.momentum),
          .one_minus_dampening = static_cast<T>(1 - options.dampening),
          .lr = static_cast<T>(options.lr),
          .first_step = first_step,
          .nesterov = options.nesterov};
}

// `momentum_buffer` is not touched unless kMomentum.
template <class T, bool kMomentum>
ACCELERATE_HOST_DEVICE void sgd_element(const SgdScalars<T>& scalars, T gradient, T& parameter,
                                        T& momentum_buffer) {
  T g = gradient * scalars.gradient_factor;
  // Chosen, because an infinite parameter times 0 is NaN.
  g = scalars.weight_decay != 0 ? g + scalars.weight_decay * parameter : g;
  if constexpr (kMomentum) {
    const T next = scalars.momentum * momentum_buffer + scalars.one_minus_dampening * g;
    const T buffer = scalars.first_step ? g : next;
    momentum_buffer = buffer;
    g = scalars.nesterov ? g + scalars.momentum * buffer : buffer;
  }
  parameter -= scalars.lr * g;
}

}  // namespace accelerate::kernels
