// OptimizerSteps' part of Accelerator::clip_grad_norm() and its like: by the step itself where the
// gradients are exactly those of fused optimizers, and otherwise at once.
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <limits>

#include "accelerate/engine/optimizer_gradients.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/gradients/gradient_norm.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"

namespace accelerate {

using internal::gradients_of;
using internal::takes_kernels;
using internal::values_of;

namespace {

// kernels::clip_coefficient() of a finite limit, without waiting for a device.
at::Tensor clip_factor(const at::Tensor& norm, double max_norm) {
  return (max_norm / (norm + kernels::kClipEps)).clamp_max(1.0);
}

}  // namespace

// After the engine's own change of gradients, where it had looked at them before.
void OptimizerSteps::see_again(const Share& share) {
  if (share.optimizer->pending.has_seen()) share.optimizer->pending.see(share.gradients);
}

bool OptimizerSteps::can_clip_in_step(const std::vector<Share>& shares, size_t count) {
  size_t covered = 0;
  for (const Share& share : shares) {
    notice_changes(*share.optimizer);
    if (share.inside < share.gradients.size() || !takes_kernels(*share.optimizer, share.gradients))
      return false;
    // One norm needs one factor, which two that were measured apart need not have.
    if (shares.size() > 1 && share.optimizer->pending.is_measured()) return false;
    covered += share.inside;
  }
  return covered == count;
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
  const PhaseScope clipping(Phase::kOptimizer);
  c10::AutoGradMode no_grad(false);
  const std::vector<at::Tensor> gradients = gradients_of(parameters);
  if (facts_.are_none(gradients)) return at::zeros({});
  const bool has_limit = max_norm != std::numeric_limits<double>::infinity();
  const std::vector<Share> shares = shares_of(gradients);
  const bool by_kernels = norm_type == 2 && can_clip_in_step(shares, gradients.size());
  const bool in_step =
      by_kernels && (!has_limit || std::all_of(shares.begin(), shares.end(), [](auto& each) {
        return each.optimizer->after_clip == AfterClip::kSteps;
      }));
  if (!in_step) {
    check_are_unscaled(gradients, shares);
    for (const Share& share : shares) unscale(*share.optimizer);
    const at::Tensor norm = norm_of(gradients, norm_type);
    if (!has_limit) return norm.to(at::kFloat);
    const at::Tensor factor = clip_factor(norm, max_norm);
    for (const at::Tensor& gradient : gradients)
      values_of(gradient).mul_(factor.to(gradient.scalar_type()));
    for (const Share& share : shares) {
      PendingStep& pending = share.optimizer->pending;
      if (!by_kernels) {
        see_again(share);
        continue;
      }
      // From now on the program is watched; see Note [Clipping in the step].
      pending.clip = PendingStep::Clip::kInValues;
      if (share.optimizer->after_clip == AfterClip::kNotKnown && host_has_values())
        pending.clipped_sum = sum_of(share.gradients);
      pending.see(share.gradients);
    }
    return norm.to(at::kFloat);
  }
  facts_.measure(gradients);
  const at::Tensor norm = at::empty({}, gradients.front().options().dtype(at::kFloat));
  for (const Share& share : shares) {
    begin(*share.optimizer, share.gradients,
          {.max_norm = max_norm, .norm_out = norm.mutable_data_ptr<float>()});
    if (has_limit) share.optimizer->pending.clip = PendingStep::Clip::kInStep;
  }
  return norm;
}

void OptimizerSteps::clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value) {
  TORCH_CHECK(clip_value >= 0, "clip_grad_value: clip_value is ", clip_value, "; give 0 or more");
  in_each_replay(
      "clip_grad_value",
      [this](const std::vector<at::Tensor>& parameters, double clip_value) {
        const PhaseScope clipping(Phase::kOptimizer);
        c10::AutoGradMode no_grad(false);
        const std::vector<at::Tensor> gradients = gradients_of(parameters);
        if (facts_.are_none(gradients)) return;
        const std::vector<Share> shares = shares_of(gradients);
        for (const Share& share : shares) unscale(*share.optimizer);
        at::_foreach_clamp_min_(gradients, -clip_value);
        at::_foreach_clamp_max_(gradients, clip_value);
        for (const Share& share : shares) see_again(share);
      },
      parameters, clip_value);
}

at::Tensor OptimizerSteps::measure(const std::vector<at::Tensor>& parameters, double norm_type) {
  return tensor_in_each_replay(
      "norm of the gradients",
      [this](const std::vector<at::Tensor>& parameters, double norm_type) {
        c10::AutoGradMode no_grad(false);
        const std::vector<at::Tensor> gradients = gradients_of(parameters);
        if (facts_.are_none(gradients)) return at::zeros({});
        const at::Tensor norm = norm_of(gradients, norm_type);
        return (loss_scale_ != nullptr ? norm * loss_scale_->inverse() : norm).to(at::kFloat);
      },
      parameters, norm_type);
}

at::Tensor OptimizerSteps::norm_of(const std::vector<at::Tensor>& gradients, double norm_type) {
  if (norm_type == 2 && GradientNorm::takes(gradients)) {
    facts_.measure(gradients);
    return facts_.norm();
  }
  return facts_.norm_of(gradients, norm_type);
}

}  // namespace accelerate
