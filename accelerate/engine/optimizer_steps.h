// What happens between the backward pass and the end of an optimizer's step: the check for an
// overflow, unscaling, clipping, the update itself, and the skipping of it.
//
// Where an optimizer has a fused form, its gradients are read twice and never written: one pass
// checks and measures them, a second unscales, clips and updates. Until somebody asks for their
// values, `.grad` stays scaled and unclipped. What the first pass has found lies where the
// gradients do, and on a GPU nothing waits for it.
//
// Note [Clipping in the step]
// A program may do what it likes with `.grad` between clip_grad_norm() and the step, or take its
// own optimizer's step, and must then find it clipped. So the first clip of an optimizer multiplies
// the gradients. Only when the handle's step has been seen to follow, with the values as the clip
// left them, are further clips left to the step, which gives the same bits. Then changes are seen
// by the tensors' versions, which what is written through `.data()` does not raise; where a program
// changes its ways it gets an error, or a warning if the step did not come.
//
// Part of the Session; programs use the handles of prepare(). Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accelerate/device/device_value.h"
#include "accelerate/engine/live.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/pending_step.h"
#include "accelerate/engine/step_outcomes.h"
#include "accelerate/gradients/gradient_facts.h"
#include "accelerate/gradients/gradient_sync.h"
#include "accelerate/optim/fused_optimizer.h"
#include "accelerate/optim/moment_options.h"
#include "accelerate/precision/loss_scale.h"
#include "accelerate/sharding/optimizer_parts.h"
#include "accelerate/state/stateful.h"
#include "kernels/step/step.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

// What a program does between a clip and the step; see Note [Clipping in the step].
enum class AfterClip { kNotKnown, kSteps, kChangesGradients };

// An optimizer that prepare() has seen.
struct OptimizerState : std::enable_shared_from_this<OptimizerState> {
  torch::optim::Optimizer* optimizer = nullptr;
  // Null where LibTorch's own step is taken.
  std::unique_ptr<FusedOptimizer> fused;
  StepOutcomes outcomes;

  PendingStep pending;
  // Where the gradients are.
  std::optional<DeviceValue<kernels::Step>> step;
  AfterClip after_clip = AfterClip::kNotKnown;
  // The backward passes when it last stepped.
  int64_t passes = 0;
  // How often it has stepped, for those who look at the run.
  int64_t num_steps = 0;

  // The rounds of each GradientSync when this optimizer last stepped.
  std::unordered_map<const GradientSync*, int64_t> stepped_at;
};

// For work that a recording keeps. Throws c10::Error when the optimizer is gone.
std::shared_ptr<OptimizerState> still_there(const std::weak_ptr<OptimizerState>& optimizer);

using TensorSet = std::unordered_set<const c10::TensorImpl*>;

// A step that a device has taken note of, and takes in each replay.
struct DeviceStep {
  // As of FusedOptimizer, when it was recorded.
  std::vector<int32_t> taken = {};
  std::vector<std::uintptr_t> layout = {};
  bool can_be_skipped = false;
};

class OptimizerSteps final : public Stateful {
 public:
  // `loss_scale` may be null. All outlive this object.
  OptimizerSteps(LossScale* loss_scale, GradientFacts& facts, ModelSet& models,
                 const MomentOptions& moments)
      : loss_scale_(loss_scale), facts_(facts), models_(models), moments_(moments) {}

  bool scales_loss() const { return loss_scale_ != nullptr; }

  // Throws c10::Error when the optimizer was prepared before and a handle of it still lives, or
  // cannot keep moments as the options say.
  std::shared_ptr<OptimizerState> add(torch::optim::Optimizer& optimizer);
  // Of all optimizers. Throws c10::Error when there is one already.
  void set_moments(const MomentOptions& moments);
  // In the order of their preparation.
  internal::LiveList<OptimizerState> live() const;

  // Brings the outcomes of past steps into the loss scale, unless gradients of the present one wait
  // for their optimizer's step. Those that are there of an earlier scale get the new one.
  void settle_loss_scale();
  // A backward pass, whose loss has its scale, is about to change the gradients.
  void before_backward();
  // The gradients are gone.
  void after_zero_grad(OptimizerState& optimizer);

  // Updates the parameters unless the gradients are not finite under a loss scale.
  void step(OptimizerState& optimizer);

  // ---- For steps that a device takes note of and then takes by itself
  // Before it does: places what steps may come to need, so that it does not lie in the recording's
  // own memory.
  void place_for_recording();
  // Launches the step, which the device takes note of and does not do. Throws c10::Error where it
  // has no fused form, or would have to be set up.
  DeviceStep record(OptimizerState& optimizer);
  // Before a replay: brings options and counts that the program has changed to the device. False
  // when something that the step works on lies elsewhere now.
  static bool prepare(OptimizerState& optimizer, const DeviceStep& step);
  // After it: the device takes the step now.
  static void complete(OptimizerState& optimizer, const DeviceStep& step);

  // Whether this optimizer skipped its last step; any that lives, where it is null or not prepared.
  // Waits for the device.
  bool step_was_skipped(const torch::optim::Optimizer* optimizer = nullptr) const;
  // Whether a schedule of the optimizer is to stand still; see StepOutcomes::last_for_schedules().
  bool schedule_stands_still(const torch::optim::Optimizer* optimizer) const;

  // Forgets whether past steps were skipped, once the counts of steps are right.
  void forget_outcomes();

  // Options and state of each optimizer, by the names of the parameters; see optimizer_values.h.
  std::string_view state_name() const override { return "optimizers"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  State places() override { return {}; }
  void check(const State& state) override;
  void load(const State& state) override;
  // Throws c10::Error where gradients of the last backward pass wait for a step: they are in no
  // state.
  void check_none_waits();
  std::function<void()> remember() override;

  // As Accelerator's methods of these names.
  at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                            double norm_type);
  void clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value);
  void unscale(OptimizerState& optimizer);
  // The norm of unscaled gradients, with nothing changed.
  at::Tensor measure(const std::vector<at::Tensor>& parameters, double norm_type);

 private:
  // Takes note of what the program has done to the gradients since they were last looked at, and
  // brings what is pending in line with it. Throws c10::Error where that can't be done.
  void notice_changes(OptimizerState& optimizer);
  // Whether the gradients that were seen are there no more: taken away, or zeroed.
  bool are_gone(const PendingStep& pending, const std::vector<at::Tensor>& gradients);
  // The sum of squares, on the host; waits for a GPU.
  double sum_of(const std::vector<at::Tensor>& gradients);
  // A clip was left to a step that has not come.
  static void note_missing_step(OptimizerState& optimizer);
  bool awaits_step();
  // What clip_grad_norm() and unscale() do, also in each replay of a step.
  at::Tensor clip_to_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                          double norm_type);
  void unscale_values(OptimizerState& optimizer);
  // Of one optimizer; not of gradients among `done`, which it adds its own to.
  void unscale_own_values(OptimizerState& optimizer, TensorSet& done);
  // Sees to it that an overflow is known, once for each backward pass.
  void look_for_overflow(OptimizerState& optimizer);
  // Throws c10::Error when its gradients are not of a backward pass with the loss scale.
  void check_has_scale(const OptimizerState& optimizer) const;
  // Measures the gradients, where they have a loss scale and were not measured yet.
  void measure_scaled(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);
  // Brings what was last measured, which is the norm of these gradients or of more, into the step.
  void begin(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients,
             const kernels::StepInputs& inputs);
  // Remakes the fused form when the parameters have come to another device.
  void follow_device(OptimizerState& optimizer);
  // A fused step has been launched, of these parameters.
  static void note_outcome(OptimizerState& optimizer, const std::vector<int32_t>& taken,
                           bool can_be_skipped);
  // Launches the update. False where the optimizer's own step has to be taken.
  bool launch(OptimizerState& optimizer);
  // Does a step, for which each parameter that is cut is this rank's part of it.
  bool update(OptimizerState& optimizer, c10::function_ref<bool()> step);
  // What it keeps of parameters that are cut, as parts and as whole tensors that cannot be read.
  internal::OpenedState open_state(OptimizerState& optimizer);
  void close_state(OptimizerState& optimizer, const internal::OpenedState& opened);
  // Whether an overflow makes the step at hand no step.
  bool can_be_skipped(const OptimizerState& optimizer) const;
  // 0-dim, fp64, on the device of the gradients.
  at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type);
  // An optimizer some of whose gradients are among others.
  struct Share {
    std::shared_ptr<OptimizerState> optimizer;
    std::vector<at::Tensor> gradients;  // All of its own.
    size_t inside;                      // How many of these are among the others.
  };
  std::vector<Share> shares_of(const std::vector<at::Tensor>& gradients) const;
  static void see_again(const Share& share);
  // Whether these shares are exactly so many gradients, which all of them can clip in their step.
  bool can_clip_in_step(const std::vector<Share>& shares, size_t count);

  LossScale* loss_scale_;
  GradientFacts& facts_;
  ModelSet& models_;
  MomentOptions moments_;
  // Backward passes so far.
  int64_t passes_ = 0;
  std::vector<std::weak_ptr<OptimizerState>> optimizers_;
  // What a step without clipping and loss scale reads.
  PerDevice<kernels::Step> plain_steps_;
};

}  // namespace accelerate
