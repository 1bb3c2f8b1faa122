// Which gradients an optimizer works on. Part of the OptimizerSteps; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/core/optimizer_steps.h"

namespace accelerate::internal {

// The gradients of those parameters that have one, each once.
std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters);
std::vector<at::Tensor> gradients_of(const OptimizerState& optimizer);

// Whether the step of these gradients is begun by a kernel.
bool takes_kernels(const OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);

// What a sparse gradient consists of; the tensor itself otherwise.
at::Tensor values_of(const at::Tensor& gradient);

}  // namespace accelerate::internal
