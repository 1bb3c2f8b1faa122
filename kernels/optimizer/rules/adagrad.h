// Adagrad, as torch::optim has it.
//
// Example:
//   optimizer_step({.lr = 0.01}, step, 1,
//                  OptimizerArrays<Adagrad, float>{
//                      .parameter = p, .gradient = g, .state = {sum}, .count = n});
//
// Not for sparse gradients.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"
#include "kernels/simd/square_root.h"

namespace accelerate::kernels {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double eps = 1e-10;

  friend bool operator==(const AdagradOptions&, const AdagradOptions&) = default;
};

struct Adagrad {
  using Options = AdagradOptions;

  enum State { kSum };
  static constexpr int kStates = 1;
  static constexpr int kOptional = 0;

  template <class T>
  struct Scalars {
    T gradient_factor;
    T weight_decay;
    T eps;
    T step_size;
  };

  template <class T>
  ACCELERATE_HOST_DEVICE static Scalars<T> scalars(const Options& options, int64_t step,
                                                   double gradient_factor) {
    const double decay = 1 + static_cast<double>(step - 1) * options.lr_decay;
    return {.gradient_factor = static_cast<T>(gradient_factor),
            .weight_decay = static_cast<T>(options.weight_decay),
            .eps = static_cast<T>(options.eps),
            .step_size = static_cast<T>(options.lr / decay)};
  }

  template <class T>
  ACCELERATE_HOST_DEVICE static void element(const Scalars<T>& scalars, T gradient, T& parameter,
                                             T& sum) {
    T g = gradient * scalars.gradient_factor;
    // Conditional, because an infinite parameter times 0 is NaN.
    g = scalars.weight_decay != 0 ? g + scalars.weight_decay * parameter : g;
    sum += g * g;
    parameter -= scalars.step_size * g / (square_root(sum) + scalars.eps);
  }
};

}  // namespace accelerate::kernels
