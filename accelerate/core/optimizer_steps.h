// What happens between the backward pass and the end of an optimizer's step: the check for an
// overflow, unscaling, clipping, the update itself, and the skipping of it.
//
// Where an optimizer has a fused form, its gradients are read twice and never written: one pass
// checks and measures them, a second unscales, clips and updates. Until somebody asks for their
// values, `.grad` stays scaled and unclipped.
//
// Part of the Session; programs use the handles of prepare(). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/precision/loss_scale.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

// An optimizer that prepare() has seen.
struct OptimizerState {
  torch::optim::Optimizer* optimizer = nullptr;
  // Null where LibTorch's own step is taken.
  std::unique_ptr<FusedOptimizer> fused;
  // Of the last step.
  bool step_was_skipped = false;

  // ---- About the gradients at hand; forgotten when the program puts others in their place
  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> gradients;
  // Whether they were checked for an overflow, and whether there was one.
  bool checked = false;
  bool overflow = false;
  // Whether the scale was taken out of the values themselves.
  bool unscaled = false;
  // What they are still to be multiplied by for clipping.
  double clip_factor = 1;
  // Whether the loss scale has to stay as it is until they are used up.
  bool awaits_step = false;

  // What each reducer had averaged when this optimizer last stepped.
  std::unordered_map<const GradientReducer*, int64_t> averagings;
};

class OptimizerSteps {
 public:
  // `loss_scale` may be null; it outlives this object otherwise.
  explicit OptimizerSteps(LossScale* loss_scale) : loss_scale_(loss_scale) {}

  // Throws c10::Error when the optimizer was prepared before and a handle of it still lives.
  std::shared_ptr<OptimizerState> add(torch::optim::Optimizer& optimizer);
  // In the order of their preparation.
  std::vector<std::shared_ptr<OptimizerState>> optimizers() const;

  // Whether gradients of the present loss scale wait for their optimizer's step.
  bool awaits_step();
  // A backward pass, whose loss has its scale, is about to change the gradients.
  void before_backward();
  // The gradients are gone.
  void after_zero_grad(OptimizerState& optimizer);

  // Updates the parameters unless the gradients are not finite under a loss scale.
  void step(OptimizerState& optimizer);
  // Whether this optimizer skipped its last step; any that lives, where it is null or not prepared.
  bool step_was_skipped(const torch::optim::Optimizer* optimizer = nullptr) const;

  // As Accelerator's methods of these names.
  at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                            double norm_type);
  void clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value);
  void unscale(OptimizerState& optimizer);
  // The norm of unscaled gradients, with nothing changed.
  at::Tensor measure(const std::vector<at::Tensor>& parameters, double norm_type) const;

 private:
  // Notes what is pending for these gradients, and forgets what was for others.
  void remember(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);
  void forget_if_replaced(OptimizerState& optimizer);
  // Looks for an overflow, once for each backward pass.
  void check(OptimizerState& optimizer);
  void note(OptimizerState& optimizer, bool overflow);
  // What the values of `.grad` are still to be multiplied by.
  double pending_factor(const OptimizerState& optimizer) const;
  // The optimizers whose gradients are exactly these, if all of them can clip in their step.
  std::optional<std::vector<std::shared_ptr<OptimizerState>>> covering(
      const std::vector<at::Tensor>& gradients);
  // Brings everything that is pending into the values of these parameters' gradients.
  void make_visible(const std::vector<at::Tensor>& parameters);

  LossScale* loss_scale_;
  std::vector<std::weak_ptr<OptimizerState>> optimizers_;
};

}  // namespace accelerate
