// What happens between the backward pass and the end of an optimizer's step: the check for an
// overflow, unscaling, clipping, and the update itself, or skipping it.
//
// If an optimizer has a fused form, its gradients are read twice and never written: the first pass
// checks and measures them, the second unscales, clips and updates. `.grad` remains scaled and
// unclipped until somebody asks for its values. The results of the first pass are on the device of
// the gradients, and on a GPU nothing waits for them.
//
// Note [Clipping in the step]
// Between clip_grad_norm() and the step, a program may do what it likes with `.grad`, or call its
// own optimizer's step(), and must find clipped gradients then. So the first clip of an optimizer
// multiplies the gradients. Once the engine has seen that the handle's step follows, with the
// values that the clip left, it leaves further clips to the step, which gives the same bits. From
// then on the engine detects changes by the tensors' versions, which writing through `.data()` does
// not raise. A program that then behaves otherwise gets an error, or a warning if it did not step.
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
  // Null if LibTorch's own step is used.
  std::unique_ptr<FusedOptimizer> fused;
  StepOutcomes outcomes;

  PendingStep pending;
  // On the device of the gradients.
  std::optional<DeviceValue<kernels::Step>> step;
  AfterClip after_clip = AfterClip::kNotKnown;
  // The number of backward passes when it last stepped.
  int64_t passes = 0;
  // The number of steps of all optimizers when `pending.awaits_step` was set.
  int64_t awaits_since = 0;
  // How often it has stepped, for reports about the run.
  int64_t num_steps = 0;
  // The batch of accumulate() in which a call of step() did nothing, as the window was not full,
  // for the first time since it last stepped.
  std::optional<int64_t> waits_since;
  // Whether its gradients are those of a step, not zeroed since.
  bool has_used_gradients = false;
  // OptimizerSteps' used_passes_ when they were zeroed.
  int64_t zeroed_at = 0;

  // The rounds() of each GradientSync when this optimizer last stepped.
  std::unordered_map<const GradientSync*, int64_t> stepped_at;
};

// For work that a recording keeps. Throws c10::Error if the optimizer is gone.
std::shared_ptr<OptimizerState> still_there(const std::weak_ptr<OptimizerState>& optimizer);

using TensorSet = std::unordered_set<const c10::TensorImpl*>;

// A step that a device has recorded, and takes in each replay.
struct DeviceStep {
  // FusedOptimizer's values of these names at the time of the recording.
  std::vector<int32_t> taken = {};
  std::vector<std::uintptr_t> layout = {};
  bool can_be_skipped = false;
};

class OptimizerSteps final : public Stateful {
 public:
  // `loss_scale` may be null. All of these must outlive this object.
  OptimizerSteps(LossScale* loss_scale, GradientFacts& facts, ModelSet& models,
                 const MomentOptions& moments)
      : loss_scale_(loss_scale), facts_(facts), models_(models), moments_(moments) {}

  bool scales_loss() const { return loss_scale_ != nullptr; }
  // The number of backward passes so far.
  int64_t passes() const { return passes_; }

  // Throws c10::Error if the optimizer was prepared before and a handle of it is still alive, or if
  // it cannot keep moments as the options say.
  std::shared_ptr<OptimizerState> add(torch::optim::Optimizer& optimizer);
  // For all optimizers. Throws c10::Error if there is an optimizer already.
  void set_moments(const MomentOptions& moments);
  // Afterwards none is known, also if a handle is alive.
  void forget_all() { optimizers_.clear(); }
  // The optimizers that are alive, in the order of preparation.
  internal::LiveList<OptimizerState> live() const;

  // Applies the outcomes of past steps to the loss scale, unless present gradients wait for their
  // optimizer's step. Rescales existing gradients from the old loss scale to the new one.
  void settle_loss_scale();
  // Called when a backward pass is about to change the gradients; its loss is scaled already.
  void before_backward();
  // Called when the gradients are gone.
  void after_zero_grad(OptimizerState& optimizer);

  // Updates the parameters, unless there is a loss scale and the gradients are not finite.
  void step(OptimizerState& optimizer);
  // Notes a step that was taken without step(), by an optimizer with a closure.
  void note_own_step(OptimizerState& optimizer) { note_step(optimizer); }

  // ---- For steps that a device records and then takes by itself
  // Called before the recording: allocates what steps may need, so that it is not in the
  // recording's own memory.
  void place_for_recording();
  // Launches the step, which the device records and does not execute. Throws c10::Error if the step
  // has no fused form, or would have to be set up.
  DeviceStep record(OptimizerState& optimizer);
  // Called before a replay: copies options and counts that the program has changed to the device.
  // Returns false if something that the step works on has moved.
  static bool prepare(OptimizerState& optimizer, const DeviceStep& step);
  // Called after a replay was launched: the device takes the step now.
  static void complete(OptimizerState& optimizer, const DeviceStep& step);

  // Whether this optimizer skipped its last step; if it is null or not prepared, whether any live
  // one did. Waits for the device.
  bool step_was_skipped(const torch::optim::Optimizer* optimizer = nullptr) const;
  // Whether a schedule of the optimizer must not advance; see StepOutcomes::last_for_schedules().
  bool schedule_stands_still(const torch::optim::Optimizer* optimizer) const;

  // Makes the counts of steps right, then forgets whether past steps were skipped.
  void forget_outcomes();

  // The options and the state of each optimizer, by the names of its parameters; see
  // optimizer_values.h.
  std::string_view state_name() const override { return "optimizers"; }
  bool is_equal_on_all_ranks() const override { return true; }
  State save() override;
  State places() override { return {}; }
  void check(const State& state) override;
  void load(const State& state) override;
  // Throws c10::Error if gradients wait for a step, because no state contains them.
  void check_none_waits();
  std::function<void()> remember() override;

  // Like Accelerator's methods of these names.
  at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                            double norm_type);
  void clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value);
  void unscale(OptimizerState& optimizer);
  // The norm of the unscaled gradients; changes nothing.
  at::Tensor measure(const std::vector<at::Tensor>& parameters, double norm_type);

 private:
  // Detects what the program has done to the gradients since the engine last looked at them, and
  // adjusts what is pending. Throws c10::Error if that cannot be done.
  void notice_changes(OptimizerState& optimizer);
  // Whether the gradients that the engine has seen no longer exist: the program removed or zeroed
  // them.
  bool are_gone(const PendingStep& pending, const std::vector<at::Tensor>& gradients);
  // The sum of squares, read on the host; waits for a GPU.
  double sum_of(const std::vector<at::Tensor>& gradients);
  // If a clip was left to a step that did not come: warns, and leaves no more clips to the step.
  static void note_missing_step(OptimizerState& optimizer);
  void note_step(OptimizerState& optimizer);
  // Whether measured gradients still wait for their optimizer's step.
  bool awaits_step();
  // Keeps the loss scale as it is until the optimizer has stepped.
  void await_step(OptimizerState& optimizer);
  // The work of clip_grad_norm() and unscale(), which each replay of a step repeats.
  at::Tensor clip_to_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                          double norm_type);
  void unscale_values(OptimizerState& optimizer);
  // Unscales one optimizer's gradients, except those among `done`, to which it adds its own.
  void unscale_own_values(OptimizerState& optimizer, TensorSet& done);
  // Makes sure that an overflow is known, once for each backward pass.
  void look_for_overflow(OptimizerState& optimizer);
  // Throws c10::Error if its gradients do not come from a backward pass with the loss scale.
  void check_has_scale(const OptimizerState& optimizer) const;
  // Measures the gradients if they have a loss scale and were not measured yet.
  void measure_scaled(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients);
  // Copies the last measurement, which covers these gradients and perhaps more, into the step.
  void begin(OptimizerState& optimizer, const std::vector<at::Tensor>& gradients,
             const kernels::StepInputs& inputs);
  // Makes the fused form again if the parameters have moved to another device.
  void follow_device(OptimizerState& optimizer);
  // Notes that a fused step of these parameters has been launched.
  static void note_outcome(OptimizerState& optimizer, const std::vector<int32_t>& taken,
                           bool can_be_skipped);
  // Launches the update. Returns false if the optimizer's own step must be called instead.
  bool launch(OptimizerState& optimizer);
  // Runs a step, during which each parameter that is cut is this rank's part of it.
  bool update(OptimizerState& optimizer, c10::function_ref<bool()> step);
  // Turns the optimizer's state of cut parameters into parts, and back into tensors of the whole
  // sizes that cannot be read.
  internal::OpenedState open_state(OptimizerState& optimizer);
  void close_state(OptimizerState& optimizer, const internal::OpenedState& opened);
  // Whether an overflow would skip the present step.
  bool can_be_skipped(const OptimizerState& optimizer) const;
  // 0-dim, fp64, on the device of the gradients.
  at::Tensor norm_of(const std::vector<at::Tensor>& gradients, double norm_type);
  // An optimizer that has some of the gradients in a list.
  struct Share {
    std::shared_ptr<OptimizerState> optimizer;
    std::vector<at::Tensor> gradients;  // All gradients of the optimizer.
    size_t inside;                      // How many of these are in the list.
  };
  std::vector<Share> shares_of(const std::vector<at::Tensor>& gradients) const;
  static void see_again(const Share& share);
  // Whether these shares are exactly `count` gradients, all of which can be clipped in their step.
  bool can_clip_in_step(const std::vector<Share>& shares, size_t count);
  // Throws c10::Error if some of the gradients keep the loss scale because no optimizer has them.
  void check_are_unscaled(const std::vector<at::Tensor>& gradients,
                          const std::vector<Share>& shares) const;

  LossScale* loss_scale_;
  GradientFacts& facts_;
  ModelSet& models_;
  MomentOptions moments_;
  // The number of backward passes, and of steps of all optimizers, so far.
  int64_t passes_ = 0;
  // Those after which an optimizer stepped, and the last of them.
  int64_t used_passes_ = 0;
  int64_t last_used_pass_ = 0;
  int64_t steps_ = 0;
  std::vector<std::weak_ptr<OptimizerState>> optimizers_;
  // The values that a step without clipping and loss scale reads.
  PerDevice<kernels::Step> plain_steps_;
};

}  // namespace accelerate
