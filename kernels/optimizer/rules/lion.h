// Lion of Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms": steps of equal size in
// the direction of a sign.
//
// Example:
//   optimizer_step({.lr = 1e-4, .weight_decay = 0.1}, step, 1,
//                  OptimizerArrays<Lion, float>{
//                      .parameter = p, .gradient = g, .state = {exp_avg}, .count = n});
//
// Not for weight decay that is added to the gradient: the sign would leave nothing of it.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;       // For the average whose sign is the direction.
  double beta2 = 0.99;      // For the average that is kept.
  double weight_decay = 0;  // Decoupled: a share of the parameter, times the rate.

  friend bool operator==(const LionOptions&, const LionOptions&) = default;
};

struct Lion {
  using Options = LionOptions;

  enum State { kExpAvg };
  static constexpr int kStates = 1;
  static constexpr int kOptional = 0;

  template <class T>
  struct Scalars {
    T gradient_factor;
    T parameter_factor;
    T beta1;
    T one_minus_beta1;
    T beta2;
    T one_minus_beta2;
    T lr;
  };

  template <class T>
  ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t,
                                                   double gradient_factor) {
    return {.gradient_factor = static_cast<T>(gradient_factor),
            .parameter_factor = static_cast<T>(1 - options.lr * options.weight_decay),
            .beta1 = static_cast<T>(options.beta1),
            .one_minus_beta1 = static_cast<T>(1 - options.beta1),
            .beta2 = static_cast<T>(options.beta2),
            .one_minus_beta2 = static_cast<T>(1 - options.beta2),
            .lr = static_cast<T>(options.lr)};
  }

  template <class T>
  ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient, T& parameter,
                                             T& exp_avg) {
    const T p = parameter * scalars.parameter_factor;
    const T g = gradient * scalars.gradient_factor;
    const T direction = scalars.beta1 * exp_avg + scalars.one_minus_beta1 * g;
    exp_avg = scalars.beta2 * exp_avg + scalars.one_minus_beta2 * g;
    // A direction of 0 is no step, and one of NaN shows in the parameter.
    const T downwards = direction < 0 ? -scalars.lr : direction;
    parameter = p - (direction > 0 ? scalars.lr : downwards);
  }
};

}  // namespace accelerate::kernels
