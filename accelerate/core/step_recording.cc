#include "accelerate/core/step_recording.h"

#include <torch/nn/module.h>

#include "accelerate/core/session.h"

namespace accelerate {

bool StepRecording::prepare() const {
  session_->models().restore_layout();
  if (addresses_of(*session_) != addresses_) return false;
  // The ranks have come out of it with different states; they find out together.
  if (session_->uneven_inputs().ended() != ended_joins_) return false;
  for (const Gradient& each : added_to_) {
    if (!each.parameter.grad().is_same(each.gradient)) return false;
  }
  return OptimizerSteps::prepare_replay(steps_);
}

std::vector<const void*> addresses_of(Session& session) {
  std::vector<const void*> result;
  for (const auto& model : session.models().live()) {
    for (const NamedParameter& parameter : model->parameters)
      result.push_back(parameter.tensor.const_data_ptr());
    if (!model->has_buffers) continue;
    for (const at::Tensor& buffer : model->module->buffers())
      result.push_back(buffer.defined() ? buffer.const_data_ptr() : nullptr);
  }
  return result;
}

void StepRecording::complete() const {
  for (const Gradient& each : gradients_) {
    at::Tensor& gradient = each.parameter.mutable_grad();
    if (!gradient.is_same(each.gradient)) gradient = each.gradient;
  }
  if (session_->loss_scale() != nullptr) session_->loss_scale()->expect_outcome(expects_outcome_);
  session_->optimizers().complete_replay(steps_);
  for (const auto& action : actions_) action();
}

SessionRecorder::SessionRecorder(Session& session)
    : session_(session), accumulation_(session.accumulation()) {
  recording_.session_ = &session;
  for (const auto& optimizer : session.optimizers().optimizers()) {
    optimizers_.push_back({optimizer, optimizer->pending, optimizer->after_clip});
  }
  for (const auto& model : session.models().live()) {
    models_.push_back({model, model->is_new});
    for (const NamedParameter& parameter : model->parameters)
      gradients_.push_back({parameter.tensor, parameter.tensor.grad()});
    if (model->sync) model->sync->set_recording(true);
  }
  if (session.loss_scale() != nullptr) expects_outcome_ = session.loss_scale()->expects_outcome();
  session.optimizers().begin_recording();
  session.schedules().set_recording(&recording_.actions_);
}

void SessionRecorder::stop() {
  session_.schedules().set_recording(nullptr);
  for (const auto& model : session_.models().live()) {
    if (model->sync) model->sync->set_recording(false);
  }
  recording_.steps_ = session_.optimizers().end_recording();
}

SessionRecorder::~SessionRecorder() {
  if (finished_) return;
  stop();
  session_.models().abandon_sync();
  for (const StepRecording::Gradient& each : gradients_)
    each.parameter.mutable_grad() = each.gradient;
  for (const ModelBefore& before : models_) before.model->is_new = before.is_new;
  for (const OptimizerBefore& before : optimizers_) {
    before.optimizer->pending = before.pending;
    before.optimizer->after_clip = before.after_clip;
  }
  session_.accumulation() = accumulation_;
  if (session_.loss_scale() != nullptr) session_.loss_scale()->expect_outcome(expects_outcome_);
}

StepRecording SessionRecorder::finish() {
  finished_ = true;
  stop();
  for (const StepRecording::Gradient& each : gradients_) {
    recording_.gradients_.push_back({each.parameter, each.parameter.grad()});
    if (each.gradient.defined() && each.parameter.grad().is_same(each.gradient))
      recording_.added_to_.push_back(each);
  }
  recording_.ended_joins_ = session_.uneven_inputs().ended();
  if (session_.loss_scale() != nullptr)
    recording_.expects_outcome_ = session_.loss_scale()->expects_outcome();
  recording_.addresses_ = addresses_of(session_);
  return std::move(recording_);
}

}  // namespace accelerate
