// RMSprop, optionally with momentum and centered, as torch::optim has it.
//
// Example:
//   optimizer_step({.lr = 0.01, .momentum = 0.9}, step, 1,
//                  OptimizerArrays<RmsProp, float>{.parameter = p,
//                                                  .gradient = g,
//                                                  .state = {square_avg, momentum_buffer},
//                                                  .count = n});
//
// Not for momentum without a buffer: the arrays say whether there is momentum, and whether it is
// centered.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

struct RmsPropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;

  friend bool operator==(const RmsPropOptions&, const RmsPropOptions&) = default;
};

struct RmsProp {
  using Options = RmsPropOptions;

  enum State { kSquareAvg, kMomentumBuffer, kGradAvg };
  static constexpr int kStates = 3;
  static constexpr int kOptional = 2;  // kMomentumBuffer, with momentum; kGradAvg, when centered.

  template <class T>
  struct Scalars {
    T gradient_factor;
    T weight_decay;
    T alpha;
    T one_minus_alpha;
    T eps;
    T momentum;
    T lr;
  };

  template <class T>
  ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t,
                                                   double gradient_factor) {
    return {.gradient_factor = static_cast<T>(gradient_factor),
            .weight_decay = static_cast<T>(options.weight_decay),
            .alpha = static_cast<T>(options.alpha),
            .one_minus_alpha = static_cast<T>(1 - options.alpha),
            .eps = static_cast<T>(options.eps),
            .momentum = static_cast<T>(options.momentum),
            .lr = static_cast<T>(options.lr)};
  }

  template <bool kMomentum, bool kCentered, class T>
  ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient, T& parameter,
                                             T& square_avg, T& momentum_buffer, T& grad_avg) {
    T g = gradient * scalars.gradient_factor;
    // Conditional, because an infinite parameter times 0 is NaN.
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
};

}  // namespace accelerate::kernels
