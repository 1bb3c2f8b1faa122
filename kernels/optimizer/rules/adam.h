// Adam, AdamW, and either with AMSGrad, as torch::optim has them.
//
// Example:
//   optimizer_step({.lr = 1e-3, .weight_decay = 1e-2, .decoupled_weight_decay = true}, step, 1,
//                  OptimizerArrays<Adam, float>{
//                      .parameter = p, .gradient = g, .state = {exp_avg, exp_avg_sq}, .count = n});
//
// Its moments can be kept in bfloat16 beside parameters in float.
//
// Not for parameters of 16 bits: step their copy in float instead.
#pragma once

#include <math.h>

#include <cstdint>

#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;  // As in AdamW; otherwise it is added to the gradient.

  friend bool operator==(const AdamOptions&, const AdamOptions&) = default;
};

struct Adam {
  using Options = AdamOptions;

  enum State { kExpAvg, kExpAvgSq, kMaxExpAvgSq };
  static constexpr int kStates = 3;
  static constexpr int kOptional = 1;  // kMaxExpAvgSq, with AMSGrad.
  static constexpr int kMoments = 2;   // Not kMaxExpAvgSq: chance would drive its maximum up.

  template <class T>
  struct Scalars {
    T gradient_factor;
    T parameter_factor;  // 1 without decoupled weight decay.
    T weight_decay;      // 0 with it.
    T beta1;
    T one_minus_beta1;
    T beta2;
    T one_minus_beta2;
    T inverse_correction2_root;
    T eps;
    T step_size;
  };

  template <class T>
  ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t step,
                                                   double gradient_factor) {
    const double correction1 = 1 - ::pow(options.beta1, static_cast<double>(step));
    const double correction2 = 1 - ::pow(options.beta2, static_cast<double>(step));
    const bool decoupled = options.decoupled_weight_decay;
    const double decay_factor = decoupled ? 1 - options.lr * options.weight_decay : 1;
    return {.gradient_factor = static_cast<T>(gradient_factor),
            .parameter_factor = static_cast<T>(decay_factor),
            .weight_decay = static_cast<T>(decoupled ? 0 : options.weight_decay),
            .beta1 = static_cast<T>(options.beta1),
            .one_minus_beta1 = static_cast<T>(1 - options.beta1),
            .beta2 = static_cast<T>(options.beta2),
            .one_minus_beta2 = static_cast<T>(1 - options.beta2),
            // A factor, because a division costs more than the rest of the element.
            .inverse_correction2_root = static_cast<T>(1 / square_root(correction2)),
            .eps = static_cast<T>(options.eps),
            .step_size = static_cast<T>(options.lr / correction1)};
  }

  template <bool kAmsgrad, class T>
  ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient, T& parameter,
                                             T& exp_avg, T& exp_avg_sq, T& max_exp_avg_sq) {
    T p = parameter * scalars.parameter_factor;
    T g = gradient * scalars.gradient_factor;
    // Conditional, because an infinite parameter times 0 is NaN.
    g = scalars.weight_decay != 0 ? g + scalars.weight_decay * p : g;
    const T m = scalars.beta1 * exp_avg + scalars.one_minus_beta1 * g;
    const T v = scalars.beta2 * exp_avg_sq + scalars.one_minus_beta2 * g * g;
    T v_hat = v;
    if constexpr (kAmsgrad) {
      // In this order a NaN in v, which stays there, wins.
      v_hat = max_exp_avg_sq > v ? max_exp_avg_sq : v;
      max_exp_avg_sq = v_hat;
    }
    const T denominator = square_root(v_hat) * scalars.inverse_correction2_root + scalars.eps;
    exp_avg = m;
    exp_avg_sq = v;
    parameter = p - scalars.step_size * m / denominator;
  }
};

}  // namespace accelerate::kernels
