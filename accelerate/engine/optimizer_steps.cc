#include "accelerate/engine/optimizer_steps.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <c10/util/Type.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <typeinfo>
#include <utility>

#include "accelerate/engine/optimizer_gradients.h"
#include "accelerate/engine/optimizer_values.h"
#include "accelerate/gradients/gradient_norm.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/optim/optimizer_registry.h"

namespace accelerate {

using internal::factor_of;
using internal::gradients_of;
using internal::multiply;
using internal::place_step;
using internal::without;

namespace {

using Clip = PendingStep::Clip;
using Phase = PendingStep::Phase;

// The program has changed gradients that were seen.
void check_changes(OptimizerState& optimizer) {
  if (optimizer.pending.clip != Clip::kNone) optimizer.after_clip = AfterClip::kChangesGradients;
  TORCH_CHECK(optimizer.pending.clip != Clip::kInStep,
              "the gradients were changed after clip_grad_norm(), which had left the clipping to "
              "the optimizer's step because nothing changed them in earlier steps; call "
              "accelerator.unscale_gradients(optimizer) after clip_grad_norm() and before you "
              "change them, so that they are clipped by then");
}

bool has_gradient(const OptimizerState& optimizer) {
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params())
      if (parameter.grad().defined()) return true;
  }
  return false;
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
  for (const auto& known : live()) {
    TORCH_CHECK(known->optimizer != &optimizer,
                "this optimizer was prepared before; use the handle that prepare() returned then");
  }
  TORCH_CHECK(!models_.is_sharded() || internal::find_registered(optimizer) != nullptr,
              "a sharded strategy cuts parameters into parts that each process steps, which is "
              "right for optimizers that treat every element alike: LibTorch's Adam, AdamW, SGD, "
              "RMSprop and Adagrad and accelerate::Lion; use one of these instead of ",
              c10::demangle(typeid(optimizer).name()),
              ", or train with --strategy=multi_cpu or multi_gpu");
  remove_repeated_parameters(optimizer);
  auto state = std::make_shared<OptimizerState>();
  state->optimizer = &optimizer;
  state->fused = FusedOptimizer::make(optimizer, moments_);
  optimizers_.push_back(state);
  return state;
}

void OptimizerSteps::set_moments(const MomentOptions& moments) {
  TORCH_CHECK(live().empty(),
              "a prepared optimizer already has its moments; call set_moments() before "
              "prepare()");
  moments_ = moments;
}

internal::LiveList<OptimizerState> OptimizerSteps::live() const {
  return internal::live(optimizers_);
}

std::vector<OptimizerSteps::Share> OptimizerSteps::shares_of(
    const std::vector<at::Tensor>& gradients) const {
  std::vector<Share> shares;
  TensorSet asked;
  for (const at::Tensor& gradient : gradients) asked.insert(gradient.unsafeGetTensorImpl());
  for (const auto& optimizer : live()) {
    Share share = {optimizer, gradients_of(*optimizer), 0};
    for (const at::Tensor& gradient : share.gradients)
      share.inside += asked.count(gradient.unsafeGetTensorImpl());
    if (share.inside > 0) shares.push_back(std::move(share));
  }
  return shares;
}

double OptimizerSteps::sum_of(const std::vector<at::Tensor>& gradients) {
  facts_.measure(gradients);
  const double norm = facts_.norm().item<double>();
  return norm * norm;
}

bool OptimizerSteps::are_gone(const PendingStep& pending,
                              const std::vector<at::Tensor>& gradients) {
  if (gradients.empty()) return true;
  if (pending.is_as_seen(gradients)) return false;
  // After a step they were most likely zeroed.
  if (!host_has_values()) return pending.stepped;
  return GradientNorm::takes(gradients) && sum_of(gradients) == 0;
}

void OptimizerSteps::note_missing_step(OptimizerState& optimizer) {
  const PendingStep& pending = optimizer.pending;
  if (pending.clip != Clip::kInStep || pending.stepped) return;
  optimizer.after_clip = AfterClip::kChangesGradients;
  TORCH_WARN(
      "clip_grad_norm() had left the clipping to the step of the prepared optimizer, as in earlier "
      "steps, but that step did not come. If you skipped it on purpose, nothing is wrong; if "
      "another "
      "optimizer made the update, it used gradients that were not clipped. From now on "
      "clip_grad_norm() clips them itself");
}

void OptimizerSteps::await_step(OptimizerState& optimizer) {
  if (!std::exchange(optimizer.pending.awaits_step, true)) optimizer.awaits_since = steps_;
}

bool OptimizerSteps::awaits_step() {
  const auto optimizers = live();
  for (const auto& optimizer : optimizers) {
    PendingStep& pending = optimizer->pending;
    if (!pending.awaits_step) continue;
    // Some other has stepped twice since then: the program no longer steps this one, and only looks
    // at its gradients.
    if (steps_ - optimizer->awaits_since >= static_cast<int64_t>(optimizers.size())) {
      pending.awaits_step = false;
      continue;
    }
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
  for (const auto& optimizer : live()) {
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
  for (const auto& optimizer : live()) {
    PendingStep& pending = optimizer->pending;
    // Also zeroed by others than its handle.
    if (!has_gradient(*optimizer)) optimizer->zeroed_at = used_passes_;
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
      at::Tensor factor = factor_of(*optimizer);
      if (loss_scale_ != nullptr) {
        factor = factor * loss_scale_->scale();
        // Clipped values may be finite; the step is to be skipped nevertheless.
        if (!pending.stepped)
          factor = factor.masked_fill(internal::overflow_of(*optimizer) != 0,
                                      std::numeric_limits<double>::quiet_NaN());
      }
      multiply(without(gradients, done), factor);
    }
    const bool awaits_step = pending.awaits_step;
    pending.reset();
    pending.awaits_step = awaits_step;
  }
}

void OptimizerSteps::after_zero_grad(OptimizerState& optimizer) {
  note_missing_step(optimizer);
  optimizer.pending.reset();
  optimizer.has_used_gradients = false;
  optimizer.zeroed_at = used_passes_;
}

void OptimizerSteps::follow_device(OptimizerState& optimizer) {
  if (!optimizer.fused) return;
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (parameter.device() == optimizer.fused->device()) return;
      optimizer.fused = FusedOptimizer::make(*optimizer.optimizer, moments_);
      return;
    }
  }
}

bool OptimizerSteps::launch(OptimizerState& optimizer) {
  look_for_overflow(optimizer);
  PendingStep& pending = optimizer.pending;
  if (pending.clip != Clip::kNone && optimizer.after_clip == AfterClip::kNotKnown &&
      host_has_values() && std::isfinite(pending.clipped_sum)) {
    // Also by what raises no version.
    const bool is_unchanged = sum_of(gradients_of(optimizer)) == pending.clipped_sum;
    optimizer.after_clip = is_unchanged ? AfterClip::kSteps : AfterClip::kChangesGradients;
  }
  FusedOptimizer* fused = optimizer.fused.get();
  const bool done =
      fused != nullptr && update(optimizer, [&] {
        return fused->step(pending.is_measured() ? optimizer.step->get()
                                                 : plain_steps_.on(fused->device()).get());
      });
  if (!done) unscale(optimizer);
  pending.awaits_step = false;
  pending.stepped = true;
  note_step(optimizer);
  return done;
}

void OptimizerSteps::note_step(OptimizerState& optimizer) {
  optimizer.passes = passes_;
  ++steps_;
  if (std::exchange(last_used_pass_, passes_) != passes_) ++used_passes_;
}

bool OptimizerSteps::update(OptimizerState& optimizer, c10::function_ref<bool()> step) {
  if (!models_.is_sharded()) return step();
  bool done = false;
  const internal::OpenedState opened = open_state(optimizer);
  try {
    models_.update(internal::parameters_of(*optimizer.optimizer), [&] { done = step(); });
  } catch (...) {
    close_state(optimizer, opened);
    throw;
  }
  close_state(optimizer, opened);
  return done;
}

internal::OpenedState OptimizerSteps::open_state(OptimizerState& optimizer) {
  return internal::open_state(
      *optimizer.optimizer,
      [this](const at::Tensor& parameter) { return models_.place_of(parameter); },
      models_.communicator());
}

void OptimizerSteps::close_state(OptimizerState& optimizer, const internal::OpenedState& opened) {
  internal::close_state(
      *optimizer.optimizer,
      [this](const at::Tensor& parameter) { return models_.place_of(parameter); }, opened);
}

bool OptimizerSteps::can_be_skipped(const OptimizerState& optimizer) const {
  return loss_scale_ != nullptr && optimizer.pending.is_measured();
}

void OptimizerSteps::step(OptimizerState& optimizer) {
  follow_device(optimizer);
  if (launch(optimizer))
    return note_outcome(optimizer, optimizer.fused->taken(), can_be_skipped(optimizer));
  const bool skipped = can_be_skipped(optimizer) && optimizer.step->read().overflow != 0;
  if (!skipped) {
    update(optimizer, [&] {
      optimizer.optimizer->step();
      return true;
    });
  }
  optimizer.outcomes.add(skipped);
}

void OptimizerSteps::note_outcome(OptimizerState& optimizer, const std::vector<int32_t>& taken,
                                  bool can_be_skipped) {
  if (!can_be_skipped) return optimizer.outcomes.add(false);
  if (optimizer.step->device().is_cpu())
    return optimizer.outcomes.add(optimizer.step->get()->overflow != 0);
  optimizer.outcomes.add(HostCopy(internal::overflow_of(optimizer)),
                         [&optimizer, taken] { optimizer.fused->count(taken, -1); });
}

void OptimizerSteps::place_for_recording() {
  for (const auto& optimizer : live()) {
    if (!optimizer->fused) continue;
    optimizer->fused->refresh();
    plain_steps_.on(optimizer->fused->device());
    place_step(*optimizer, optimizer->fused->device());
  }
}

DeviceStep OptimizerSteps::record(OptimizerState& optimizer) {
  TORCH_CHECK(!models_.is_sharded(),
              "the strategy is sharded, whose steps are not captured on a GPU");
  follow_device(optimizer);
  TORCH_CHECK(
      optimizer.fused != nullptr && optimizer.fused->is_fresh(),
      "the optimizer has no fused form on this device, or it would make its state in this step, "
      "or its options were changed within the step before it stepped");
  TORCH_CHECK(launch(optimizer),
              "the optimizer's step of such parameters and gradients has no fused form");
  const std::vector<int32_t> taken = optimizer.fused->taken();
  const DeviceStep step = {taken, optimizer.fused->layout(taken), can_be_skipped(optimizer)};
  optimizer.fused->count(taken, -1);
  return step;
}

bool OptimizerSteps::prepare(OptimizerState& optimizer, const DeviceStep& step) {
  if (!optimizer.fused) return false;
  optimizer.fused->refresh();
  return optimizer.fused->layout(step.taken) == step.layout;
}

void OptimizerSteps::complete(OptimizerState& optimizer, const DeviceStep& step) {
  optimizer.fused->count(step.taken, 1);
  note_outcome(optimizer, step.taken, step.can_be_skipped);
}

bool OptimizerSteps::step_was_skipped(const torch::optim::Optimizer* optimizer) const {
  refuse_recording("whether a step was skipped");
  return outcome_of(optimizer, live(), &StepOutcomes::last);
}

bool OptimizerSteps::schedule_stands_still(const torch::optim::Optimizer* optimizer) const {
  return outcome_of(optimizer, live(), &StepOutcomes::last_for_schedules);
}

void OptimizerSteps::forget_outcomes() {
  for (const auto& optimizer : live()) {
    optimizer->outcomes.last();
    optimizer->outcomes = StepOutcomes();
  }
}

State OptimizerSteps::save() {
  State state;
  const auto optimizers = live();
  const ModelSet::ParameterNames names = models_.parameter_names();
  for (size_t i = 0; i < optimizers.size(); ++i) {
    // Waits, so that the counts of steps are right.
    const State outcomes = optimizers[i]->outcomes.save();
    if (models_.is_sharded()) {
      // What is whole as yet is to be saved as on the other ranks.
      close_state(*optimizers[i], open_state(*optimizers[i]));
    }
    state.set_all(std::to_string(i), internal::save_optimizer(*optimizers[i]->optimizer, names));
    state.set_all(c10::str(i, ".outcome"), outcomes);
  }
  return state;
}

void OptimizerSteps::check(const State& state) {
  const auto optimizers = live();
  const ModelSet::ParameterNames names = models_.parameter_names();
  for (size_t i = 0; i < optimizers.size(); ++i)
    internal::check_fits(state.part(std::to_string(i)), *optimizers[i]->optimizer, names, i);
}

void OptimizerSteps::load(const State& state) {
  check(state);
  const auto optimizers = live();
  const ModelSet::ParameterNames names = models_.parameter_names();
  for (size_t i = 0; i < optimizers.size(); ++i) {
    internal::load_optimizer(*optimizers[i]->optimizer, state.part(std::to_string(i)), names,
                             [this](const at::Tensor& saved, const at::Tensor& parameter) {
                               const PartPlace* place = models_.place_of(parameter);
                               if (place == nullptr) return at::Tensor();
                               return internal::cut_of_saved(saved, parameter, *place,
                                                             models_.communicator().rank());
                             });
    optimizers[i]->outcomes.load(state.part(c10::str(i, ".outcome")));
    // What a device knows of the former moments is not true of these.
    if (optimizers[i]->fused && !optimizers[i]->fused->device().is_cpu())
      optimizers[i]->fused = FusedOptimizer::make(*optimizers[i]->optimizer, moments_);
  }
}

void OptimizerSteps::check_none_waits() {
  c10::AutoGradMode no_grad(false);
  const auto optimizers = live();
  // Of several, as in a GAN, the last pass was for one of them.
  const bool has_stepped =
      std::any_of(optimizers.begin(), optimizers.end(),
                  [this](const auto& each) { return each->passes == passes_; });
  for (const auto& optimizer : optimizers) {
    // What a pass for another optimizer has added, as in a GAN, is not meant; what several have
    // added is. Gradients of a step are used up.
    if (has_stepped && (optimizer->passes == passes_ || optimizer->has_used_gradients ||
                        used_passes_ - optimizer->zeroed_at < 2))
      continue;
    const std::vector<at::Tensor> gradients = gradients_of(*optimizer);
    TORCH_CHECK(gradients.empty() || (GradientNorm::takes(gradients) && sum_of(gradients) == 0),
                "gradients of backward() wait for the optimizer's step, and a saved state would "
                "lose them; save after the step of each optimizer, or after zero_grad() of one "
                "that is not to step with them");
  }
}

std::function<void()> OptimizerSteps::remember() {
  struct Before {
    std::shared_ptr<OptimizerState> optimizer;
    PendingStep pending;
    AfterClip after_clip;
  };
  std::vector<Before> all;
  for (const auto& optimizer : live())
    all.push_back({optimizer, optimizer->pending, optimizer->after_clip});
  return [all] {
    for (const Before& before : all) {
      before.optimizer->pending = before.pending;
      before.optimizer->after_clip = before.after_clip;
    }
  };
}

}  // namespace accelerate
