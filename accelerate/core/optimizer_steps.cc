#include "accelerate/core/optimizer_steps.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "accelerate/core/optimizer_gradients.h"
#include "accelerate/device/gpu_kernels.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {

using internal::gradients_of;
using internal::takes_kernels;

namespace {

using Clip = PendingStep::Clip;
using Phase = PendingStep::Phase;

// By a 0-dim factor, which is not looked at where that would have to wait.
void multiply(const std::vector<at::Tensor>& gradients, const at::Tensor& factor) {
  if (factor.is_cpu() && factor.item<double>() == 1) return;
  for (const at::Tensor& gradient : gradients) internal::values_of(gradient).mul_(factor);
}

// Where it is, if it is there already: recorded steps use it.
void place_step(OptimizerState& optimizer, c10::Device device) {
  if (!optimizer.step || optimizer.step->device() != device) optimizer.step.emplace(device);
}

at::Tensor factor_of(const OptimizerState& optimizer) {
  return optimizer.step->member(offsetof(kernels::Step, gradient_factor), at::kDouble);
}

// The program has changed gradients that were seen.
void check_changes(OptimizerState& optimizer) {
  if (optimizer.pending.clip != Clip::kNone) optimizer.after_clip = AfterClip::kChangesGradients;
  TORCH_CHECK(optimizer.pending.clip != Clip::kInStep,
              "the gradients were changed after clip_grad_norm(), which had left the clipping to "
              "the optimizer's step, as nothing changed them in the steps before; call "
              "accelerator.unscale_gradients(optimizer) after clip_grad_norm(), which brings it "
              "into the gradients, before you change them");
}

// Those that are not among `done`, to which they are added.
std::vector<at::Tensor> without(const std::vector<at::Tensor>& gradients, TensorSet& done) {
  std::vector<at::Tensor> rest;
  for (const at::Tensor& gradient : gradients) {
    if (done.insert(gradient.unsafeGetTensorImpl()).second) rest.push_back(gradient);
  }
  return rest;
}

// What is asked of the optimizer's outcomes; whether it is so of any, where it is not among these.
bool outcome_of(const torch::optim::Optimizer* optimizer,
                const internal::LiveList<OptimizerState>& all, bool (StepOutcomes::*asked)()) {
  bool any = false;
  for (const auto& known : all) {
    const bool outcome = (known->outcomes.*asked)();
    if (known->optimizer == optimizer) return outcome;
    any = any || outcome;
  }
  return any;
}

}  // namespace

std::shared_ptr<OptimizerState> still_there(const std::weak_ptr<OptimizerState>& optimizer) {
  auto there = optimizer.lock();
  TORCH_CHECK(there != nullptr,
              "an optimizer that this captured step uses is gone; call capture() anew");
  return there;
}

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

internal::LiveList<OptimizerState> OptimizerSteps::optimizers() const {
  return internal::live(optimizers_);
}

std::vector<OptimizerSteps::Share> OptimizerSteps::shares_of(
    const std::vector<at::Tensor>& gradients) const {
  std::vector<Share> shares;
  TensorSet asked;
  for (const at::Tensor& gradient : gradients) asked.insert(gradient.unsafeGetTensorImpl());
  for (const auto& optimizer : optimizers()) {
    Share share = {optimizer, gradients_of(*optimizer), 0};
    for (const at::Tensor& gradient : share.gradients)
      share.inside += asked.count(gradient.unsafeGetTensorImpl());
    if (share.inside > 0) shares.push_back(std::move(share));
  }
  return shares;
}

double OptimizerSteps::sum_of(const std::vector<at::Tensor>& gradients) {
  norm_.measure(gradients);
  const double norm = norm_.value().item<double>();
  return norm * norm;
}

bool OptimizerSteps::are_gone(const PendingStep& pending,
                              const std::vector<at::Tensor>& gradients) {
  if (gradients.empty()) return true;
  if (pending.is_as_seen(gradients)) return false;
  // A recording cannot read them; after a step they were most likely zeroed.
  if (recording_) return pending.stepped;
  return GradientNorm::takes(gradients) && sum_of(gradients) == 0;
}

void OptimizerSteps::note_missing_step(OptimizerState& optimizer) {
  const PendingStep& pending = optimizer.pending;
  if (pending.clip != Clip::kInStep || pending.stepped) return;
  optimizer.after_clip = AfterClip::kChangesGradients;
  TORCH_WARN(
      "clip_grad_norm() had left the clipping to the step of the prepared optimizer, as in the "
      "steps before, but that did not come. If you left it out on purpose, all is well; if another "
      "optimizer made the update, it had gradients that were not clipped. From now on they are "
      "clipped at once");
}

bool OptimizerSteps::awaits_step() {
  for (const auto& optimizer : optimizers()) {
    PendingStep& pending = optimizer->pending;
    if (!pending.awaits_step) continue;
    if (!are_gone(pending, gradients_of(*optimizer))) return true;
    note_missing_step(*optimizer);
    pending.reset();
  }
  return false;
}

void OptimizerSteps::settle_loss_scale() {
  if (!loss_scale_->expects_outcome() || awaits_step()) return;
  std::vector<at::Tensor> left;
  TensorSet done;
  for (const auto& optimizer : optimizers()) {
    if (optimizer->pending.is_measured()) continue;
    for (at::Tensor& gradient : without(gradients_of(*optimizer), done))
      left.push_back(std::move(gradient));
  }
  if (left.empty()) return loss_scale_->settle();
  c10::AutoGradMode no_grad(false);
  const at::Tensor before = loss_scale_->scale().clone();
  loss_scale_->settle();
  multiply(left, (loss_scale_->scale() / before).to(at::kDouble));
}

void OptimizerSteps::notice_changes(OptimizerState& optimizer) {
  PendingStep& pending = optimizer.pending;
  if (!pending.has_seen()) return;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  if (pending.is_as_seen(gradients)) return;
  // After a step the program may have made new ones without the Accelerator.
  if (are_gone(pending, gradients) || (pending.stepped && pending.are_all_new(gradients))) {
    note_missing_step(optimizer);
    if (pending.clip != Clip::kNone && !gradients.empty())
      optimizer.after_clip = AfterClip::kChangesGradients;
    return pending.reset();
  }
  check_changes(optimizer);
  // Measured anew. The scale is still in them, unless it was taken out before.
  if (pending.phase == Phase::kMeasured) pending.phase = Phase::kAccumulated;
  pending.see(gradients);
}

void OptimizerSteps::before_backward() {
  c10::AutoGradMode no_grad(false);
  ++passes_;
  TensorSet done;
  for (const auto& optimizer : optimizers()) {
    PendingStep& pending = optimizer->pending;
    if (!pending.has_seen()) continue;
    const std::vector<at::Tensor> gradients = gradients_of(*optimizer);
    if (are_gone(pending, gradients)) {
      note_missing_step(*optimizer);
      pending.reset();
      continue;
    }
    if (!pending.is_as_seen(gradients)) check_changes(*optimizer);
    if (pending.is_measured()) {
      // What is still there is added to: it must be clipped by now, and of the scale of the rest.
      const at::Tensor factor = factor_of(*optimizer);
      multiply(without(gradients, done), loss_scale_ ? factor * loss_scale_->scale() : factor);
    }
    const bool awaits_step = pending.awaits_step;
    pending.reset();
    pending.awaits_step = awaits_step;
  }
}

void OptimizerSteps::after_zero_grad(OptimizerState& optimizer) {
  note_missing_step(optimizer);
  optimizer.pending.reset();
}

void OptimizerSteps::begin(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients,
                           const kernels::StepInputs& inputs) {
  const c10::Device device = gradients.front().device();
  place_step(optimizer, device);
  kernels::StepInputs all = inputs;
  all.norm = norm_.result();
  PendingStep& pending = optimizer.pending;
  all.go_on = pending.is_measured();
  if (loss_scale_ != nullptr && !pending.is_measured()) {
    all.loss_scale = loss_scale_->state();
    loss_scale_->expect_outcome();
    pending.awaits_step = true;
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
  TORCH_CHECK(optimizer.passes < passes_,
              "the optimizer would take the loss scale of fp16 out of gradients that have none: "
              "there was no accelerator.backward(loss) since its last step; call that in place of "
              "loss.backward()");
}

void OptimizerSteps::measure_scaled(OptimizerState& optimizer,
                                    const std::vector<at::Tensor>& gradients) {
  if (loss_scale_ == nullptr || optimizer.pending.is_measured()) return;
  check_has_scale(optimizer);
  norm_.measure(gradients);
  begin(optimizer, gradients, {});
}

void OptimizerSteps::look_for_overflow(OptimizerState& optimizer) {
  notice_changes(optimizer);
  if (loss_scale_ == nullptr || optimizer.pending.is_measured()) return;
  const std::vector<at::Tensor> gradients = gradients_of(optimizer);
  // No gradient says nothing about the scale.
  if (gradients.empty()) return;
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
  if (gradients.empty()) return;
  if (loss_scale_ != nullptr && !takes_kernels(optimizer, gradients)) {
    if (pending.phase == Phase::kUnscaled) return;
    const bool overflow = loss_scale_->unscale(without(gradients, done));
    place_step(optimizer, gradients.front().device());
    optimizer.step->write({.overflow = overflow});
    pending.phase = Phase::kUnscaled;
    pending.awaits_step = true;
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

void OptimizerSteps::follow_device(OptimizerState& optimizer) {
  if (!optimizer.fused) return;
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (parameter.device() == optimizer.fused->device()) return;
      optimizer.fused = FusedOptimizer::make(*optimizer.optimizer);
      return;
    }
  }
}

void OptimizerSteps::step(OptimizerState& optimizer) {
  follow_device(optimizer);
  FusedOptimizer* fused = optimizer.fused.get();
  if (recording_) {
    TORCH_CHECK(
        fused != nullptr && fused->is_fresh(),
        "the optimizer has no fused form on this device, or it would make its state in this step, "
        "or its options were changed within the step before it stepped");
  }
  look_for_overflow(optimizer);
  PendingStep& pending = optimizer.pending;
  if (pending.clip != Clip::kNone && optimizer.after_clip == AfterClip::kNotKnown && !recording_ &&
      std::isfinite(pending.clipped_sum)) {
    // Also by what raises no version.
    const bool is_unchanged = sum_of(gradients_of(optimizer)) == pending.clipped_sum;
    optimizer.after_clip = is_unchanged ? AfterClip::kSteps : AfterClip::kChangesGradients;
  }
  const bool done = fused != nullptr &&
                    fused->step(pending.is_measured() ? optimizer.step->get()
                                                      : plain_steps_.on(fused->device()).get());
  if (!done) unscale(optimizer);
  pending.awaits_step = false;
  pending.stepped = true;
  optimizer.passes = passes_;
  const bool can_be_skipped = loss_scale_ != nullptr && pending.is_measured();
  if (recording_) {
    TORCH_CHECK(done, "the optimizer's step of such parameters and gradients has no fused form");
    const std::vector<int32_t> taken = fused->taken();
    recording_->push_back(
        {optimizer.weak_from_this(), taken, fused->layout(taken), can_be_skipped});
    return;
  }
  if (done) return note_outcome(optimizer, fused->taken(), can_be_skipped);
  const bool skipped = can_be_skipped && optimizer.step->read().overflow != 0;
  if (!skipped) optimizer.optimizer->step();
  optimizer.outcomes.add(skipped);
}

void OptimizerSteps::note_outcome(OptimizerState& optimizer, const std::vector<int32_t>& taken,
                                  bool can_be_skipped) {
  if (!can_be_skipped) return optimizer.outcomes.add(false);
  if (optimizer.step->device().is_cpu())
    return optimizer.outcomes.add(optimizer.step->get()->overflow != 0);
  const auto overflow = optimizer.step->member(offsetof(kernels::Step, overflow), at::kInt);
  optimizer.outcomes.add(HostCopy(overflow),
                         [&optimizer, taken] { optimizer.fused->count(taken, -1); });
}

void OptimizerSteps::begin_recording() {
  for (const auto& optimizer : optimizers()) {
    if (!optimizer->fused) continue;
    optimizer->fused->refresh();
    // What a step may come to need, so that it does not lie in the recording's own memory.
    plain_steps_.on(optimizer->fused->device());
    place_step(*optimizer, optimizer->fused->device());
  }
  recording_.emplace();
}

std::vector<RecordedStep> OptimizerSteps::end_recording() {
  for (const RecordedStep& step : *recording_) {
    if (const auto optimizer = step.optimizer.lock()) optimizer->fused->count(step.taken, -1);
  }
  return *std::exchange(recording_, std::nullopt);
}

bool OptimizerSteps::prepare_replay(const std::vector<RecordedStep>& steps) {
  for (const RecordedStep& step : steps) {
    const auto optimizer = step.optimizer.lock();
    if (!optimizer || !optimizer->fused) return false;
    optimizer->fused->refresh();
    if (optimizer->fused->layout(step.taken) != step.layout) return false;
  }
  return true;
}

void OptimizerSteps::complete_replay(const std::vector<RecordedStep>& steps) {
  for (const RecordedStep& step : steps) {
    const auto optimizer = step.optimizer.lock();
    optimizer->fused->count(step.taken, 1);
    note_outcome(*optimizer, step.taken, step.can_be_skipped);
  }
}

void OptimizerSteps::refuse_to_read() const {
  refuse_recording("whether a step was skipped");
  TORCH_CHECK(
      !recording_,
      "whether a step was skipped is known only after it; ask outside of the captured step");
}

bool OptimizerSteps::step_was_skipped(const torch::optim::Optimizer* optimizer) const {
  refuse_to_read();
  return outcome_of(optimizer, optimizers(), &StepOutcomes::last);
}

bool OptimizerSteps::schedule_stands_still(const torch::optim::Optimizer* optimizer) const {
  return outcome_of(optimizer, optimizers(), &StepOutcomes::last_for_schedules);
}

}  // namespace accelerate
