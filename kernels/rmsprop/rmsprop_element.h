// A step of RMSprop for one element.
//
// Example:
//   const RmsPropScalars<T> scalars = rmsprop_scalars<T>(options, gradient_factor);
//   rmsprop_element<T, true, true>(scalars, gradient[i], parameter[i], square_avg[i],
//                                  momentum_buffer[i], grad_avg[i]);
//
// Not for host code outside of loops: see rmsprop.h.
#pragma once

#include "kernels/rmsprop/rmsprop.h"
#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

// What is the same for all elements, calculated in double and rounded once.
template <class T>
struct RmsPropScalars {
  T gradient_factor;
  T weight_decay;
  T alpha;
  T one_minus_alpha;
  T eps;
  T momentum;
  T lr;
};

template <class T>
RmsPropScalars<T> rmsprop_scalars(const RmsPropOptions& options, double gradient_factor) {
  return {.gradient_factor = static_cast<T>(gradient_factor),
          .weight_decay = static_cast<T>(options.weight_decay),
          .alpha = static_cast<T>(options.alpha),
          .one_minus_alpha = static_cast<T>(1 - options.alpha),
          .eps = static_cast<T>(options.eps),
          .momentum = static_cast<T>(options.momentum),
          .lr = static_cast<T>(options.lr)};
}

// `momentum_buffer` is not touched unless kMomentum, `grad_avg` not unless kCentered.
template <class T, bool kMomentum, bool kCentered>
ACCELERATE_HOST_DEVICE void rmsprop_element(const RmsPropScalars<T>& scalars, T gradient,
                                            T& parameter, T& square_avg, T& momentum_buffer,
                                            T& grad_avg) {
  T g = gradient * scalars.gradient_factor;
  // Chosen, because an infinite parameter times 0 is NaN.
  g = scalars.weight_decay != 0 ? g + scalars.weight_decay * parameter : g;
  square_avg = scalars.alpha * square_avg + scalars.one_minus_alpha * g * g;
  T variance = square_avg;
  if constexpr (kCentered) {
    grad_avg = scalars.alpha * grad_avg + scalars.one_minus_alpha * g;
    variance -= grad_avg * grad_avg;
  }
  const T denominator = square_root(variance) + scalars.eps;
  if constexpr (kMomentum) {
    momentum_buffer = scalars.momentum * momentum_buffer + g / denominator;
    parameter -= scalars.lr * momentum_buffer;
  } else {
    parameter -= scalars.lr * g / denominator;
  }
}

}  // namespace accelerate::kernels
