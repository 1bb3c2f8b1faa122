#include "accelerate/core/optimizer_steps.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "accelerate/core/live.h"
#include "accelerate/gradients/gradient_norm.h"

namespace accelerate {
namespace {

// As in PyTorch's clip_grad_norm_.
constexpr double kNormEps = 1e-6;

// The gradients of those parameters that have one, each once.
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

bool all_measurable(const std::vector<at::Tensor>& gradients) {
  return std::all_of(gradients.begin(), gradients.end(), is_measurable);
}

// What a sparse gradient consists of; the tensor itself otherwise.
at::Tensor values_of(const at::Tensor& gradient) {
  return gradient.is_sparse() ? gradient._values() : gradient;
}

void multiply(const std::vector<at::Tensor>& gradients, double factor) {
  for (const at::Tensor& gradient : gradients) values_of(gradient).mul_(factor);
}

// Of any kind and on any device, without a look at the values.
at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type) {
  if (norm_type == 2 && all_measurable(gradients))
    return at::scalar_tensor(std::sqrt(measure_gradients(gradients).squared), at::kDouble);
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : gradients) {
    // What stands twice for an element must be added up first.
    const at::Tensor summed = gradient.is_sparse() ? gradient.coalesce() : gradient;
    norms.push_back(at::linalg_vector_norm(values_of(summed).detach(), norm_type)
                        .to(gradients.front().device(), at::kDouble));
  }
  return at::linalg_vector_norm(at::stack(norms), norm_type);
}

}  // namespace

std::shared_ptr<OptimizerState> OptimizerSteps::add(torch::optim::Optimizer& optimizer) {
  std::erase_if(optimizers_, [](const auto& known) { return known.expired(); });
  for (const auto& known : optimizers()) {
    TORCH_CHECK(known->optimizer != &optimizer,
                "this optimizer was prepared before; use the handle that prepare() returned then");
  }
  remove_repeated_parameters(optimizer);
  auto state = std::make_shared<OptimizerState>();
  state->optimizer = &optimizer;
  state->fused = FusedOptimizer::make(optimizer);
  optimizers_.push_back(state);
  return state;
}

std::vector<std::shared_ptr<OptimizerState>> OptimizerSteps::optimizers() const {
  return internal::live(optimizers_);
}

void OptimizerSteps::remember(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients) {
  optimizer.gradients.clear();
  for (const at::Tensor& gradient : gradients)
    optimizer.gradients.emplace_back(gradient.getIntrusivePtr());
}

void OptimizerSteps::forget_if_replaced(OptimizerState& optimizer) {
  if (optimizer.gradients.empty()) return;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  bool same = gradients.size() == optimizer.gradients.size();
  for (size_t i = 0; same && i < gradients.size(); ++i) {
    same = optimizer.gradients[i]._unsafe_get_target() == gradients[i].unsafeGetTensorImpl();
  }
  if (!same) after_zero_grad(optimizer);
}

bool OptimizerSteps::awaits_step() {
  for (const auto& optimizer : optimizers()) {
    forget_if_replaced(*optimizer);
    if (optimizer->awaits_step) return true;
  }
  return false;
}

void OptimizerSteps::before_backward() {
  c10::AutoGradMode no_grad(false);
  for (const auto& optimizer : optimizers()) {
    forget_if_replaced(*optimizer);
    // What is still there is added to: it must be clipped by now, and of the scale of the rest.
    const double factor =
        optimizer->clip_factor * (optimizer->unscaled ? 1 / loss_scale_->inverse() : 1);
    if (factor != 1) multiply(gradients_of(*optimizer), factor);
    optimizer->clip_factor = 1;
    optimizer->checked = optimizer->overflow = optimizer->unscaled = false;
  }
}

void OptimizerSteps::after_zero_grad(OptimizerState& optimizer) {
  optimizer.gradients.clear();
  optimizer.checked = optimizer.overflow = optimizer.unscaled = optimizer.awaits_step = false;
  optimizer.clip_factor = 1;
}

double OptimizerSteps::pending_factor(const OptimizerState& optimizer) const {
  const bool scaled = loss_scale_ != nullptr && !optimizer.unscaled;
  return optimizer.clip_factor * (scaled ? loss_scale_->inverse() : 1.0);
}

void OptimizerSteps::note(OptimizerState& optimizer, bool overflow) {
  if (loss_scale_ == nullptr || optimizer.checked) return;
  loss_scale_->note(overflow);
  optimizer.checked = optimizer.awaits_step = true;
  optimizer.overflow = overflow;
}

void OptimizerSteps::check(OptimizerState& optimizer) {
  forget_if_replaced(optimizer);
  if (loss_scale_ == nullptr || optimizer.checked) return;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  // No gradient says nothing about the scale.
  if (gradients.empty()) return;
  if (optimizer.fused && all_measurable(gradients)) {
    note(optimizer, !measure_gradients(gradients).finite);
    remember(optimizer, gradients);
  } else {
    unscale(optimizer);
  }
}

void OptimizerSteps::unscale(OptimizerState& optimizer) {
  c10::AutoGradMode no_grad(false);
  forget_if_replaced(optimizer);
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  if (gradients.empty()) return;
  if (loss_scale_ != nullptr && !optimizer.unscaled) {
    const bool overflow = loss_scale_->unscale(gradients);
    optimizer.overflow = optimizer.checked ? optimizer.overflow : overflow;
    optimizer.checked = optimizer.unscaled = optimizer.awaits_step = true;
    remember(optimizer, gradients);
  }
  if (optimizer.clip_factor != 1) multiply(gradients, optimizer.clip_factor);
  optimizer.clip_factor = 1;
}

void OptimizerSteps::step(OptimizerState& optimizer) {
  check(optimizer);
  optimizer.step_was_skipped = optimizer.overflow;
  const bool done = optimizer.step_was_skipped ||
                    (optimizer.fused && optimizer.fused->step(pending_factor(optimizer)));
  if (!done) unscale(optimizer);
  optimizer.awaits_step = false;
  if (!done) optimizer.optimizer->step();
}

bool OptimizerSteps::step_was_skipped(const torch::optim::Optimizer* optimizer) const {
  bool any = false;
  for (const auto& known : optimizers()) {
    if (known->optimizer == optimizer) return known->step_was_skipped;
    any = any || known->step_was_skipped;
  }
  return any;
}

std::optional<std::vector<std::shared_ptr<OptimizerState>>> OptimizerSteps::covering(
    const std::vector<at::Tensor>& gradients) {
  std::unordered_set<const c10::TensorImpl*> asked;
  for (const at::Tensor& gradient : gradients) asked.insert(gradient.unsafeGetTensorImpl());
  std::vector<std::shared_ptr<OptimizerState>> found;
  size_t covered = 0;
  for (const auto& optimizer : optimizers()) {
    forget_if_replaced(*optimizer);
    size_t inside = 0;
    const std::vector<at::Tensor> own = gradients_of(*optimizer);
    for (const at::Tensor& gradient : own) inside += asked.count(gradient.unsafeGetTensorImpl());
    if (inside == 0) continue;
    if (inside < own.size() || !optimizer->fused || !all_measurable(own)) return std::nullopt;
    covered += inside;
    found.push_back(optimizer);
  }
  // One norm needs one scale.
  for (const auto& optimizer : found) {
    if (pending_factor(*optimizer) != pending_factor(*found.front())) return std::nullopt;
  }
  if (covered != asked.size()) return std::nullopt;
  return found;
}

void OptimizerSteps::make_visible(const std::vector<at::Tensor>& parameters) {
  std::unordered_set<const c10::TensorImpl*> asked;
  for (const at::Tensor& parameter : parameters) asked.insert(parameter.unsafeGetTensorImpl());
  for (const auto& optimizer : optimizers()) {
    bool concerned = false;
    for (const auto& group : optimizer->optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params())
        concerned = concerned || asked.contains(parameter.unsafeGetTensorImpl());
    }
    if (concerned) unscale(*optimizer);
  }
}

at::Tensor OptimizerSteps::clip_grad_norm(const std::vector<at::Tensor>& parameters,
                                          double max_norm, double norm_type) {
  TORCH_CHECK(max_norm >= 0, "clip_grad_norm: max_norm is ", max_norm, "; give 0 or more");
  c10::AutoGradMode no_grad(false);
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return at::zeros({});
  const auto optimizers = norm_type == 2 ? covering(gradients) : std::nullopt;
  if (!optimizers) {
    make_visible(parameters);
    const at::Tensor norm = norm_of(gradients, norm_type);
    const at::Tensor factor = (max_norm / (norm + kNormEps)).clamp_max(1.0);
    for (const at::Tensor& gradient : gradients)
      values_of(gradient).mul_(factor.to(gradient.scalar_type()));
    return norm.to(at::kFloat);
  }
  const GradientNorm measured = measure_gradients(gradients);
  const double norm = std::sqrt(measured.squared) * pending_factor(*optimizers->front());
  for (const auto& optimizer : *optimizers) {
    note(*optimizer, !measured.finite);
    // So written that a norm that is no number goes on to the parameters, as in PyTorch.
    const double factor = max_norm / (norm + kNormEps);
    optimizer->clip_factor *= factor > 1 ? 1 : factor;
    remember(*optimizer, gradients_of(*optimizer));
  }
  return at::scalar_tensor(norm, at::kFloat);
}

void OptimizerSteps::clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value) {
  TORCH_CHECK(clip_value >= 0, "clip_grad_value: clip_value is ", clip_value, "; give 0 or more");
  c10::AutoGradMode no_grad(false);
  make_visible(parameters);
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return;
  at::_foreach_clamp_min_(gradients, -clip_value);
  at::_foreach_clamp_max_(gradients, clip_value);
}

at::Tensor OptimizerSteps::measure(const std::vector<at::Tensor>& parameters,
                                   double norm_type) const {
  c10::AutoGradMode no_grad(false);
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return at::zeros({});
  const double scale = loss_scale_ != nullptr ? loss_scale_->inverse() : 1.0;
  return (norm_of(gradients, norm_type) * scale).to(at::kFloat);
}

}  // namespace accelerate
