// SGD: plain, with momentum or with Nesterov momentum, as torch::optim has it.
//
// Example:
//   optimizer_step({.lr = 0.1, .momentum = 0.9}, step, 1,
//                  OptimizerArrays<Sgd, float>{
//                      .parameter = p, .gradient = g, .state = {momentum_buffer}, .count = n});
//
// Not for momentum without a buffer: the buffer says whether there is momentum, the options how
// much.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  friend bool operator==(const SgdOptions&, const SgdOptions&) = default;
};

struct Sgd {
  using Options = SgdOptions;

  enum State { kMomentumBuffer };
  static constexpr int kStates = 1;
  static constexpr int kOptional = 1;  // kMomentumBuffer, with momentum.

  template <class T>
  struct Scalars {
    T gradient_factor;
    T weight_decay;
    T momentum;
    T one_minus_dampening;
    T lr;
    bool first_step;
    bool nesterov;
  };

  // Only steps with momentum count. The first of them fills the buffer, whatever it held.
  template <class T>
  ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t step,
                                                   double gradient_factor) {
    return {.gradient_factor = static_cast<T>(gradient_factor),
            .weight_decay = static_cast<T>(options.weight_decay),
            .momentum = static_cast<T>(options.momentum),
            .one_minus_dampening = static_cast<T>(1 - options.dampening),
            .lr = static_cast<T>(options.lr),
            .first_step = step == 1,
            .nesterov = options.nesterov};
  }

  template <bool kMomentum, class T>
  ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient, T& parameter,
                                             T& momentum_buffer) {
    T g = gradient * scalars.gradient_factor;
    // Conditional, because an infinite parameter times 0 is NaN.
    g = scalars.weight_decay != 0 ? g + scalars.weight_decay * parameter : g;
    if constexpr (kMomentum) {
      const T next = scalars.momentum * momentum_buffer + scalars.one_minus_dampening * g;
      const T buffer = scalars.first_step ? g : next;
      momentum_buffer = buffer;
      g = scalars.nesterov ? g + scalars.momentum * buffer : buffer;
    }
    parameter -= scalars.lr * g;
  }
};

}  // namespace accelerate::kernels
