#include "accelerate/optim/lion.h"

#include <ATen/ops/sign.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/optim/serialize.h>
#include <torch/serialize/archive.h>

#include <memory>

namespace accelerate {
namespace {

void check(const LionOptions& options) {
  TORCH_CHECK(options.lr() >= 0, "Lion: the learning rate is ", options.lr(),
              ". Set it to at least 0, such as 1e-4.");
  const auto& [first, second] = options.betas();
  for (const double beta : {first, second}) {
    TORCH_CHECK(beta >= 0 && beta < 1, "Lion: a beta is ", beta,
                ". Set both to values of at least 0 and below 1, such as 0.9 and 0.99.");
  }
  TORCH_CHECK(options.weight_decay() >= 0, "Lion: weight_decay is ", options.weight_decay(),
              ". Set it to at least 0.");
}

}  // namespace

void LionOptions::serialize(torch::serialize::OutputArchive& archive) const {
  _TORCH_OPTIM_SERIALIZE_TORCH_ARG(lr);
  _TORCH_OPTIM_SERIALIZE_TORCH_ARG(betas);
  _TORCH_OPTIM_SERIALIZE_TORCH_ARG(weight_decay);
}

void LionOptions::serialize(torch::serialize::InputArchive& archive) {
  _TORCH_OPTIM_DESERIALIZE_TORCH_ARG(double, lr);
  _TORCH_OPTIM_DESERIALIZE_TORCH_ARG(betas_t, betas);
  _TORCH_OPTIM_DESERIALIZE_TORCH_ARG(double, weight_decay);
}

void LionParamState::serialize(torch::serialize::OutputArchive& archive) const {
  _TORCH_OPTIM_SERIALIZE_TORCH_ARG(exp_avg);
}

void LionParamState::serialize(torch::serialize::InputArchive& archive) {
  _TORCH_OPTIM_DESERIALIZE_TORCH_ARG(torch::Tensor, exp_avg);
}

Lion::Lion(const std::vector<torch::optim::OptimizerParamGroup>& param_groups,
           const LionOptions& defaults)
    : Optimizer(std::vector<torch::optim::OptimizerParamGroup>(),
                std::make_unique<LionOptions>(defaults)) {
  check(defaults);
  for (const auto& group : param_groups) add_param_group(group);
}

// LibTorch gives a group of an optimizer that it does not know the defaults, whatever the group's
// own options are.
void Lion::add_param_group(const torch::optim::OptimizerParamGroup& group) {
  if (group.has_options()) check(static_cast<const LionOptions&>(group.options()));
  Optimizer::add_param_group(group);
  if (group.has_options()) param_groups_.back().set_options(group.options().clone());
}

torch::Tensor Lion::step(LossClosure closure) {
  torch::NoGradGuard no_grad;
  torch::Tensor loss;
  if (closure != nullptr) {
    const at::AutoGradMode enable_grad(true);
    loss = closure();
  }
  for (auto& group : param_groups_) {
    const auto& options = static_cast<const LionOptions&>(group.options());
    const auto& [beta1, beta2] = options.betas();
    for (at::Tensor& parameter : group.params()) {
      const at::Tensor& gradient = parameter.grad();
      if (!gradient.defined()) continue;
      TORCH_CHECK(!gradient.is_sparse(),
                  "Lion: a gradient is sparse. Make the gradients of its parameter, such as the "
                  "weight of an embedding, dense, or use another optimizer.");
      auto& state = state_[parameter.unsafeGetTensorImpl()];
      if (state == nullptr) state = std::make_unique<LionParamState>();
      at::Tensor& exp_avg = static_cast<LionParamState&>(*state).exp_avg();
      if (!exp_avg.defined()) exp_avg = at::zeros_like(parameter, at::MemoryFormat::Preserve);

      const at::Tensor average = exp_avg * beta1 + gradient * (1 - beta1);
      // The sign of NaN is 0 in LibTorch, which would hide it.
      const at::Tensor direction = at::where(average.isnan(), average, average.sign());
      parameter.mul_(1 - options.lr() * options.weight_decay());
      parameter.add_(direction, -options.lr());
      exp_avg.mul_(beta2).add_(gradient, 1 - beta2);
    }
  }
  return loss;
}

void Lion::save(torch::serialize::OutputArchive& archive) const {
  torch::optim::serialize<LionParamState, LionOptions>(archive, *this);
}

void Lion::load(torch::serialize::InputArchive& archive) {
  torch::optim::serialize<LionParamState, LionOptions>(archive, *this);
}

}  // namespace accelerate
