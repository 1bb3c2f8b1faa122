// The handle of an optimizer that Accelerator::prepare() returns. Its step() steps your optimizer,
// in one pass over the parameters if there is a fused form of it. It does nothing while gradients
// are still being accumulated, or if the loss scale found gradients that are not finite.
//
//   auto optimizer = accelerator.prepare(adamw);
//   optimizer.zero_grad();
//   accelerator.backward(loss);
//   optimizer.step();
//
// An optimizer that evaluates the loss itself, such as LBFGS, takes a closure:
//
//   optimizer.step([&] {
//     optimizer.zero_grad();
//     at::Tensor loss = loss_of(model(data), target);
//     accelerator.backward(loss);
//     return loss;
//   });
//
// Your optimizer must outlive the handle and must not be moved. Learning rates are read from its
// param_groups() at each step.
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
  // Returns the first loss that the closure returned. The optimizer sees the mean of the loss over
  // the processes, so all processes make the same decisions. Every process must call this, and the
  // closure must not branch on this process's data. Throws c10::Error within a window of
  // accumulate(), no_sync() or join_uneven_inputs(), in a captured step, and in fp16 for an
  // optimizer without a fused form.
  at::Tensor step(const torch::optim::Optimizer::LossClosure& closure) {
    return updates_->step(*state_, closure);
  }
  // Does nothing while gradients are being accumulated, so you may call it before the backward pass
  // or after the step.
  void zero_grad(bool set_to_none = true) { updates_->zero_grad(*state_, set_to_none); }

  // Whether steps use the fused form, which exists for Adam, AdamW, SGD, RMSprop, Adagrad and Lion
  // over parameters in fp32, and on the CPU also in fp64. Otherwise, and in a step with sparse
  // gradients, the optimizer's own step() runs.
  bool is_fused() const { return state_->fused != nullptr; }

  // Whether the last step() left the parameters alone because of an overflow; always false without
  // a loss scale. Waits for a GPU.
  bool step_was_skipped() const {
    return updates_->optimizers().step_was_skipped(state_->optimizer);
  }

  std::vector<torch::optim::OptimizerParamGroup>& param_groups() {
    return state_->optimizer->param_groups();
  }
  // Your optimizer, with exact step counts. On a GPU with a loss scale this waits, because the
  // counts are exact only once the outcome of each step is known.
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
