#include "accelerate/engine/optimizer_gradients.h"

#include <ATen/TensorOperators.h>
#include <torch/optim/optimizer.h>

#include <cstddef>
#include <unordered_set>

#include "accelerate/gradients/gradient_norm.h"
#include "accelerate/sharding/cut_tensor.h"

namespace accelerate::internal {

std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> gradients;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const at::Tensor& parameter : parameters) {
    if (parameter.grad().defined() && seen.insert(parameter.unsafeGetTensorImpl()).second)
      gradients.push_back(own_part(parameter.grad()));
  }
  return gradients;
}

std::vector<at::Tensor> parameters_of(const torch::optim::Optimizer& optimizer) {
  std::vector<at::Tensor> parameters;
  for (const auto& group : optimizer.param_groups())
    parameters.insert(parameters.end(), group.params().begin(), group.params().end());
  return parameters;
}

std::vector<at::Tensor> gradients_of(const OptimizerState& optimizer) {
  return gradients_of(parameters_of(*optimizer.optimizer));
}

bool takes_kernels(const OptimizerState& optimizer, const std::vector<at::Tensor>& gradients) {
  return optimizer.fused && GradientNorm::takes(gradients);
}

at::Tensor values_of(const at::Tensor& gradient) {
  return gradient.is_sparse() ? gradient._values() : gradient;
}

void multiply(const std::vector<at::Tensor>& gradients, const at::Tensor& factor) {
  if (factor.is_cpu() && factor.item<double>() == 1) return;
  for (const at::Tensor& gradient : gradients) values_of(gradient).mul_(factor);
}

void place_step(OptimizerState& optimizer, c10::Device device) {
  if (!optimizer.step || optimizer.step->device() != device) optimizer.step.emplace(device);
}

at::Tensor factor_of(const OptimizerState& optimizer) {
  return optimizer.step->member(offsetof(kernels::Step, gradient_factor), at::kDouble);
}

at::Tensor overflow_of(const OptimizerState& optimizer) {
  return optimizer.step->member(offsetof(kernels::Step, overflow), at::kInt);
}

std::vector<at::Tensor> without(const std::vector<at::Tensor>& gradients, TensorSet& done) {
  std::vector<at::Tensor> rest;
  for (const at::Tensor& gradient : gradients) {
    if (done.insert(gradient.unsafeGetTensorImpl()).second) rest.push_back(gradient);
  }
  return rest;
}

}  // namespace accelerate::internal
