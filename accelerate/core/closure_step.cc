// Session's part of PreparedOptimizer::step(closure): optimizers that evaluate the loss themselves.
//
// What such an optimizer decides, as the line search of LBFGS does, it must decide alike on all
// ranks. So it sees the mean of the loss over them, beside the mean of the gradients.
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include "accelerate/core/session.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {

at::Tensor Session::step(OptimizerState& optimizer, const std::function<at::Tensor()>& closure) {
  TORCH_CHECK(closure != nullptr, "step(closure): the closure is empty; call step() without one");
  if (internal::is_recording()) refuse_recording("the loss of an optimizer's step with a closure");
  TORCH_CHECK(recording_ == nullptr,
              "an optimizer's step with a closure cannot be captured on a GPU");
  TORCH_CHECK(
      accumulation_.sync_gradients() && accumulation_.loss_factor() == 1,
      "step(closure) within a window of accumulate(): the closure would evaluate the loss of "
      "its last batch alone; add up the losses of all batches in the closure, without "
      "accumulate()");
  TORCH_CHECK(!in_scope(),
              "step(closure) within no_sync() or join_uneven_inputs(): all processes must evaluate "
              "the same loss, equally often; call it outside of these scopes");
  TORCH_CHECK(!loss_scale_ || optimizer.fused,
              "this optimizer calls its closure as often as it likes, which does not go with the "
              "loss scale of fp16; use bf16 or fp32, or one of the optimizers that have a fused "
              "form");
  const auto evaluate = [&] {
    at::Tensor loss;
    {
      c10::AutoGradMode grad(true);
      loss = closure();
    }
    if (!loss.defined() || communicator_->size() == 1) return loss;
    c10::AutoGradMode no_grad(false);
    at::Tensor mean = to_device(loss.detach()).clone(at::MemoryFormat::Contiguous);
    communicator_->all_reduce(mean, ReduceOp::kMean);
    return mean;
  };
  if (optimizer.fused) {
    // One evaluation, then a step as any other.
    at::Tensor loss = evaluate();
    step(optimizer);
    return loss;
  }
  restore_layouts();
  const at::Tensor loss = optimizer.optimizer->step([&] {
    at::Tensor loss = evaluate();
    check_averaged(optimizer);
    return loss;
  });
  optimizer.outcomes.add(/*skipped=*/false);
  return loss;
}

}  // namespace accelerate
