// An optimizer as Accelerator::prepare() returns it: it steps the user's optimizer, unless the loss
// scale found gradients that are not finite.
//
//   auto optimizer = accelerator.prepare(adamw);
//   optimizer.zero_grad();
//   accelerator.backward(loss);
//   optimizer.step();
//
// A thin handle: the user's optimizer stays where it is, must outlive the handle and must not be
// moved; rates are read from its param_groups() at each step.
#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <utility>
#include <vector>

#include "accelerate/core/session.h"

namespace accelerate {

class PreparedOptimizer {
 public:
  PreparedOptimizer(std::shared_ptr<Session> session, torch::optim::Optimizer& optimizer)
      : session_(std::move(session)), state_(session_->add_optimizer(optimizer)) {}

  void step() {
    session_->step(*state_, [this] { state_->optimizer->step(); });
  }
  void zero_grad(bool set_to_none = true) { state_->optimizer->zero_grad(set_to_none); }

  // Whether the last step() left the parameters alone because of an overflow; always false without
  // a loss scale.
  bool step_was_skipped() const { return state_->step_was_skipped; }

  std::vector<torch::optim::OptimizerParamGroup>& param_groups() {
    return state_->optimizer->param_groups();
  }
  // The user's optimizer.
  torch::optim::Optimizer& unwrap() const { return *state_->optimizer; }

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<OptimizerState> state_;
};

}  // namespace accelerate
