// Which gradients an optimizer works on, and what is done to them. Part of the OptimizerSteps; not
// for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/engine/optimizer_steps.h"

namespace accelerate::internal {

// Of all groups, one behind the other.
std::vector<at::Tensor> parameters_of(const torch::optim::Optimizer& optimizer);

// The gradients of those parameters that have one, each once; of one that is cut over the ranks
// this rank's part.
std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters);
std::vector<at::Tensor> gradients_of(const OptimizerState& optimizer);

// Whether the step of these gradients is begun by a kernel.
bool takes_kernels(const OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);

// What a sparse gradient consists of; the tensor itself otherwise.
at::Tensor values_of(const at::Tensor& gradient);

// Those that are not among `done`, to which they are added.
std::vector<at::Tensor> without(const std::vector<at::Tensor>& gradients, TensorSet& done);

// By a 0-dim factor, which is not looked at where that would have to wait.
void multiply(const std::vector<at::Tensor>& gradients, const at::Tensor& factor);

// Gives the optimizer its kernels::Step on a device. It stays where it is if it is there already:
// recorded steps use it.
void place_step(OptimizerState& optimizer, c10::Device device);
// What the step multiplies the gradients by: 0-dim, fp64, over the kernels::Step.
at::Tensor factor_of(const OptimizerState& optimizer);

}  // namespace accelerate::internal
