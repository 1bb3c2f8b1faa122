#include "accelerate/core/optimizer_gradients.h"

#include <torch/optim/optimizer.h>

#include <unordered_set>

namespace accelerate::internal {

std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> gradients;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const at::Tensor& parameter : parameters) {
    if (parameter.grad().defined() && seen.insert(parameter.unsafeGetTensorImpl()).second)
      gradients.push_back(parameter.grad());
  }
  return gradients;
}

std::vector<at::Tensor> gradients_of(const OptimizerState& optimizer) {
  std::vector<at::Tensor> parameters;
  for (const auto& group : optimizer.optimizer->param_groups())
    parameters.insert(parameters.end(), group.params().begin(), group.params().end());
  return gradients_of(parameters);
}

bool takes_kernels(const OptimizerState& optimizer, const std::vector<at::Tensor>& gradients) {
  return optimizer.fused && GradientNorm::takes(gradients);
}

at::Tensor values_of(const at::Tensor& gradient) {
  return gradient.is_sparse() ? gradient._values() : gradient;
}

}  // namespace accelerate::internal
