// OptimizerSteps' part of the loss scale: looking for an overflow, and taking the scale out of the
// gradients, by the step itself or at once.
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <vector>

#include "accelerate/device/gpu_kernels.h"
#include "accelerate/engine/optimizer_gradients.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/host_work/host_work.h"

namespace accelerate {

using internal::factor_of;
using internal::gradients_of;
using internal::multiply;
using internal::place_step;
using internal::takes_kernels;
using internal::without;

namespace {

using Clip = PendingStep::Clip;
using Phase = PendingStep::Phase;

}  // namespace

void OptimizerSteps::begin(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients,
                           const kernels::StepInputs& inputs) {
  const c10::Device device = gradients.front().device();
  place_step(optimizer, device);
  kernels::StepInputs all = inputs;
  all.norm = facts_.result();
  PendingStep& pending = optimizer.pending;
  all.go_on = pending.is_measured();
  if (loss_scale_ != nullptr && !pending.is_measured()) {
    loss_scale_->check_device(device);
    all.loss_scale = loss_scale_->state();
    loss_scale_->expect_outcome();
    await_step(optimizer);
  }
  if (device.is_cpu()) {
    kernels::begin_step(all, *optimizer.step->get());
  } else {
    gpu::begin_step(device, all, optimizer.step->get());
  }
  if (!pending.is_measured()) pending.phase = Phase::kMeasured;
  pending.see(gradients);
}

void OptimizerSteps::check_has_scale(const OptimizerState& optimizer) const {
  TORCH_CHECK(
      optimizer.passes < passes_,
      "the optimizer's step would divide gradients by the fp16 loss scale, but they were not "
      "multiplied by it: there was no accelerator.backward(loss) since its last step; call "
      "that instead of loss.backward()");
}

void OptimizerSteps::check_are_unscaled(const std::vector<at::Tensor>& gradients,
                                        const std::vector<Share>& shares) const {
  if (loss_scale_ == nullptr) return;
  TensorSet unscaled;
  for (const Share& share : shares) {
    for (const at::Tensor& gradient : share.gradients)
      unscaled.insert(gradient.unsafeGetTensorImpl());
  }
  for (const at::Tensor& gradient : gradients) {
    TORCH_CHECK(
        unscaled.contains(gradient.unsafeGetTensorImpl()), "a gradient of the sizes ",
        gradient.sizes(),
        " is of a parameter that no prepared optimizer has, so it keeps the fp16 loss scale, "
        "and the norm would be wrong; freeze such parameters with requires_grad_(false), or "
        "give clip_grad_norm() the parameters of the optimizer");
  }
}

void OptimizerSteps::measure_scaled(OptimizerState& optimizer,
                                    const std::vector<at::Tensor>& gradients) {
  if (loss_scale_ == nullptr || optimizer.pending.is_measured()) return;
  check_has_scale(optimizer);
  facts_.measure(gradients);
  begin(optimizer, gradients, {});
}

void OptimizerSteps::look_for_overflow(OptimizerState& optimizer) {
  notice_changes(optimizer);
  if (loss_scale_ == nullptr || optimizer.pending.is_measured()) return;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  // No gradient says nothing about the scale.
  if (facts_.are_none(gradients)) return;
  if (takes_kernels(optimizer, gradients)) return measure_scaled(optimizer, gradients);
  check_has_scale(optimizer);
  unscale(optimizer);
}

void OptimizerSteps::unscale(OptimizerState& optimizer) {
  in_each_replay(
      "unscale_gradients",
      [this](const std::weak_ptr<OptimizerState>& optimizer) {
        unscale_values(*still_there(optimizer));
      },
      optimizer.weak_from_this());
}

void OptimizerSteps::unscale_values(OptimizerState& optimizer) {
  c10::AutoGradMode no_grad(false);
  TensorSet done;
  if (loss_scale_ == nullptr) return unscale_own_values(optimizer, done);
  // A gradient that two optimizers share has one value, which is scaled or not.
  const std::vector<Share> sharing = shares_of(gradients_of(optimizer));
  for (const Share& share : sharing) {
    if (share.optimizer->pending.phase != Phase::kUnscaled) continue;
    for (const at::Tensor& gradient : share.gradients) done.insert(gradient.unsafeGetTensorImpl());
  }
  for (const Share& share : sharing) unscale_own_values(*share.optimizer, done);
  // Those of one have changed the gradients of the other.
  for (const Share& share : sharing) share.optimizer->pending.see(share.gradients);
}

void OptimizerSteps::unscale_own_values(OptimizerState& optimizer, TensorSet& done) {
  notice_changes(optimizer);
  PendingStep& pending = optimizer.pending;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  if (facts_.are_none(gradients)) return;
  if (loss_scale_ != nullptr && !takes_kernels(optimizer, gradients)) {
    if (pending.phase == Phase::kUnscaled) return;
    // One that another optimizer has unscaled is of this step, too.
    const bool is_finite =
        std::all_of(gradients.begin(), gradients.end(), [&done](const at::Tensor& gradient) {
          return !done.contains(gradient.unsafeGetTensorImpl()) ||
                 at::isfinite(internal::values_of(gradient)).all().item<bool>();
        });
    const bool overflow =
        facts_.any_rank(gradients, loss_scale_->unscale(without(gradients, done)) || !is_finite);
    if (overflow) loss_scale_->note_overflow();
    place_step(optimizer, gradients.front().device());
    optimizer.step->write({.overflow = overflow});
    pending.phase = Phase::kUnscaled;
    await_step(optimizer);
    pending.see(gradients);
    return;
  }
  measure_scaled(optimizer, gradients);
  if (!pending.is_measured()) return;
  const at::Tensor factor = factor_of(optimizer);
  multiply(without(gradients, done), factor);
  factor.fill_(1);
  if (loss_scale_ != nullptr) pending.phase = Phase::kUnscaled;
  if (pending.clip == Clip::kInStep) pending.clip = Clip::kInValues;
  pending.see(gradients);
}

}  // namespace accelerate
