// Which gradients an optimizer works on, and the operations on them.
//
// Part of the OptimizerSteps; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/engine/optimizer_steps.h"

namespace accelerate::internal {

// The parameters of all groups, one group after the other.
std::vector<at::Tensor> parameters_of(const torch::optim::Optimizer& optimizer);

// The gradients of those parameters that have one, each once. Of a gradient that is cut over the
// ranks, this rank's part.
std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters);
std::vector<at::Tensor> gradients_of(const OptimizerState& optimizer);

// Whether a kernel can begin the step with these gradients.
bool takes_kernels(const OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);

// The values of a sparse gradient; the tensor itself if it is dense.
at::Tensor values_of(const at::Tensor& gradient);

// The gradients that are not among `done`, to which this adds them.
std::vector<at::Tensor> without(const std::vector<at::Tensor>& gradients, TensorSet& done);

// Multiplies the gradients by a 0-dim factor. Skips a factor of 1 only if reading it does not wait.
void multiply(const std::vector<at::Tensor>& gradients, const at::Tensor& factor);

// Gives the optimizer its kernels::Step on a device. If it has one there, that keeps its address,
// because recorded steps use it.
void place_step(OptimizerState& optimizer, c10::Device device);
// The factor by which the step multiplies the gradients: 0-dim, fp64, a view of the kernels::Step.
at::Tensor factor_of(const OptimizerState& optimizer);
// Its overflow, not 0 if there was one: 0-dim, int32, likewise.
at::Tensor overflow_of(const OptimizerState& optimizer);

}  // namespace accelerate::internal
