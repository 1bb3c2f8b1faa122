// Finite check and norm of a step's gradients in one read.
//
//   const GradientNorm norm = measure_gradients(gradients);
//   if (norm.finite) std::cout << std::sqrt(norm.squared);
//
// The same bits on every run, whatever the number of threads. For dense tensors on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace accelerate {

struct GradientNorm {
  // Of all elements together; accumulated in double.
  double squared = 0;
  // Whether no element is infinite or NaN.
  bool finite = true;
};

// Whether measure_gradients() takes the tensor.
bool is_measurable(const at::Tensor& gradient);
GradientNorm measure_gradients(const std::vector<at::Tensor>& gradients);

}  // namespace accelerate
