// An optimizer as Accelerator::prepare() returns it: it steps the user's optimizer, in one pass
// over the parameters where there is a fused form of it, and not at all while gradients are still
// being accumulated or when the loss scale found some that are not finite.
//
//   auto optimizer = accelerator.prepare(adamw);
//   optimizer.zero_grad();
//   accelerator.backward(loss);
//   optimizer.step();
//
// An optimizer that evaluates the loss itself, as LBFGS, is given a closure:
//
//   optimizer.step([&] {
//     optimizer.zero_grad();
//     at::Tensor loss = loss_of(model(data), target);
//     accelerator.backward(loss);
//     return loss;
//   });
//
// A thin handle: the user's optimizer stays where it is, must outlive the handle and must not be
// moved; rates are read from its param_groups() at each step.
#pragma once

#include <torch/optim/optimizer.h>

#include <memory>
#include <utility>
#include <vector>

#include "accelerate/engine/updates.h"

namespace accelerate {

class PreparedOptimizer {
 public:
  PreparedOptimizer(std::shared_ptr<Updates> updates, torch::optim::Optimizer& optimizer)
      : updates_(std::move(updates)), state_(updates_->optimizers().add(optimizer)) {}

  void step() { updates_->step(*state_); }
  // Returns the loss that the closure returned first. The optimizer sees its mean over the
  // processes, so that all decide alike; every process calls this, and the closure must not decide
  // anything by its own data. Throws c10::Error within a window of accumulate(), no_sync() or
  // join_uneven_inputs(), in a captured step, and in fp16 for an optimizer without a fused form.
  at::Tensor step(const torch::optim::Optimizer::LossClosure& closure) {
    return updates_->step(*state_, closure);
  }
  // Does nothing while gradients are being accumulated, so that it may stand before the backward
  // pass or after the step.
  void zero_grad(bool set_to_none = true) { updates_->zero_grad(*state_, set_to_none); }

  // Whether steps take the fused form: for Adam, AdamW, SGD, RMSprop, Adagrad and Lion over
  // parameters in fp32, on the CPU also in fp64. Otherwise, and in a step with sparse gradients, it
  // is the optimizer's own step().
  bool is_fused() const { return state_->fused != nullptr; }

  // Whether the last step() left the parameters alone because of an overflow; always false without
  // a loss scale. Waits for a GPU.
  bool step_was_skipped() const {
    return updates_->optimizers().step_was_skipped(state_->optimizer);
  }

  std::vector<torch::optim::OptimizerParamGroup>& param_groups() {
    return state_->optimizer->param_groups();
  }
  // The user's optimizer, its step counts exact: on a GPU, with a loss scale, they are so only when
  // the outcome of each step is known, for which this waits.
  torch::optim::Optimizer& unwrap() const {
    state_->outcomes.last();
    return *state_->optimizer;
  }
  // For the Accelerator.
  OptimizerState& state() const { return *state_; }

 private:
  std::shared_ptr<Updates> updates_;
  std::shared_ptr<OptimizerState> state_;
};

}  // namespace accelerate
