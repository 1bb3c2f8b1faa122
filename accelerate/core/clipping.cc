// OptimizerSteps' part of Accelerator::clip_grad_norm() and its like: by the step itself where the
// gradients are exactly those of fused optimizers, and otherwise at once.
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <limits>

#include "accelerate/core/optimizer_gradients.h"
#include "accelerate/core/optimizer_steps.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {

using internal::gradients_of;
using internal::see;
using internal::takes_kernels;
using internal::values_of;

namespace {

// After the engine's own change of gradients, where it had looked at them before.
void see_again(const internal::LiveList<OptimizerState>& optimizers) {
  for (const auto& optimizer : optimizers) {
    if (!optimizer->pending.seen.empty()) see(optimizer->pending, gradients_of(*optimizer));
  }
}

// kernels::clip_coefficient() of a finite limit, without waiting for a device.
at::Tensor clip_factor(const at::Tensor& norm, double max_norm) {
  return (max_norm / (norm + kernels::kClipEps)).clamp_max(1.0);
}

}  // namespace

std::optional<std::vector<std::shared_ptr<OptimizerState>>> OptimizerSteps::covering(
    const std::vector<at::Tensor>& gradients) {
  TensorSet asked;
  for (const at::Tensor& gradient : gradients) asked.insert(gradient.unsafeGetTensorImpl());
  std::vector<std::shared_ptr<OptimizerState>> found;
  size_t covered = 0;
  for (const auto& optimizer : optimizers()) {
    size_t inside = 0;
    const std::vector<at::Tensor> own = gradients_of(*optimizer);
    for (const at::Tensor& gradient : own) inside += asked.count(gradient.unsafeGetTensorImpl());
    if (inside == 0) continue;
    notice_changes(*optimizer);
    if (inside < own.size() || !takes_kernels(*optimizer, own)) return std::nullopt;
    covered += inside;
    found.push_back(optimizer);
  }
  // One norm needs one factor, which two that were begun need not have.
  for (const auto& optimizer : found) {
    if (found.size() > 1 && optimizer->pending.begun) return std::nullopt;
  }
  if (covered != asked.size()) return std::nullopt;
  return found;
}

internal::LiveList<OptimizerState> OptimizerSteps::make_visible(
    const std::vector<at::Tensor>& parameters) {
  internal::LiveList<OptimizerState> result;
  TensorSet asked;
  for (const at::Tensor& parameter : parameters) asked.insert(parameter.unsafeGetTensorImpl());
  for (const auto& optimizer : optimizers()) {
    bool concerned = false;
    for (const auto& group : optimizer->optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params())
        concerned = concerned || asked.contains(parameter.unsafeGetTensorImpl());
    }
    if (!concerned) continue;
    unscale(*optimizer);
    result.push_back(optimizer);
  }
  return result;
}

at::Tensor OptimizerSteps::clip_grad_norm(const std::vector<at::Tensor>& parameters,
                                          double max_norm, double norm_type) {
  TORCH_CHECK(max_norm >= 0, "clip_grad_norm: max_norm is ", max_norm, "; give 0 or more");
  return tensor_in_each_replay(
      "clip_grad_norm",
      [this](const std::vector<at::Tensor>& parameters, double max_norm, double norm_type) {
        return clip_to_norm(parameters, max_norm, norm_type);
      },
      parameters, max_norm, norm_type);
}

at::Tensor OptimizerSteps::clip_to_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                                        double norm_type) {
  c10::AutoGradMode no_grad(false);
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return at::zeros({});
  const bool has_limit = max_norm != std::numeric_limits<double>::infinity();
  const auto optimizers = norm_type == 2 ? covering(gradients) : std::nullopt;
  const bool in_step =
      optimizers &&
      (!has_limit || std::all_of(optimizers->begin(), optimizers->end(),
                                 [](auto& each) { return each->after_clip == AfterClip::kSteps; }));
  if (!in_step) {
    const auto concerned = make_visible(parameters);
    const at::Tensor norm = norm_of(gradients, norm_type);
    if (has_limit) {
      const at::Tensor factor = clip_factor(norm, max_norm);
      for (const at::Tensor& gradient : gradients)
        values_of(gradient).mul_(factor.to(gradient.scalar_type()));
      see_again(concerned);
    }
    // From now on the program is watched; see Note [Clipping in the step].
    for (size_t i = 0; has_limit && optimizers && i < optimizers->size(); ++i) {
      OptimizerState& optimizer = *(*optimizers)[i];
      const std::vector<at::Tensor> own = gradients_of(optimizer);
      optimizer.pending.clipped = true;
      if (optimizer.after_clip == AfterClip::kNotKnown && !recording_)
        optimizer.pending.clipped_sum = sum_of(own);
      see(optimizer.pending, own);
    }
    return norm.to(at::kFloat);
  }
  norm_.measure(gradients);
  const at::Tensor norm = at::empty({}, gradients.front().options().dtype(at::kFloat));
  for (const auto& optimizer : *optimizers) {
    begin(*optimizer, gradients_of(*optimizer),
          {.max_norm = max_norm, .norm_out = norm.mutable_data_ptr<float>()});
    PendingStep& pending = optimizer->pending;
    pending.clipped = pending.clipped || has_limit;
    pending.clips_in_step = pending.clips_in_step || has_limit;
  }
  return norm;
}

void OptimizerSteps::clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value) {
  TORCH_CHECK(clip_value >= 0, "clip_grad_value: clip_value is ", clip_value, "; give 0 or more");
  in_each_replay(
      "clip_grad_value",
      [this](const std::vector<at::Tensor>& parameters, double clip_value) {
        c10::AutoGradMode no_grad(false);
        const auto concerned = make_visible(parameters);
        const std::vector<at::Tensor> gradients = gradients_of(parameters);
        if (gradients.empty()) return;
        at::_foreach_clamp_min_(gradients, -clip_value);
        at::_foreach_clamp_max_(gradients, clip_value);
        see_again(concerned);
      },
      parameters, clip_value);
}

at::Tensor OptimizerSteps::measure(const std::vector<at::Tensor>& parameters, double norm_type) {
  return tensor_in_each_replay(
      "norm of the gradients",
      [this](const std::vector<at::Tensor>& parameters, double norm_type) {
        c10::AutoGradMode no_grad(false);
        const std::vector<at::Tensor> gradients = gradients_of(parameters);
        if (gradients.empty()) return at::zeros({});
        const at::Tensor norm = norm_of(gradients, norm_type);
        return (loss_scale_ != nullptr ? norm * loss_scale_->inverse() : norm).to(at::kFloat);
      },
      parameters, norm_type);
}

at::Tensor OptimizerSteps::norm_of(const std::vector<at::Tensor>& gradients, double norm_type) {
  if (norm_type == 2 && GradientNorm::takes(gradients)) {
    norm_.measure(gradients);
    return norm_.value();
  }
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : gradients) {
    // What stands twice for an element must be added up first.
    const at::Tensor summed = gradient.is_sparse() ? gradient.coalesce() : gradient;
    norms.push_back(at::linalg_vector_norm(values_of(summed).detach(), norm_type)
                        .to(gradients.front().device(), at::kDouble));
  }
  return at::linalg_vector_norm(at::stack(norms), norm_type);
}

}  // namespace accelerate
