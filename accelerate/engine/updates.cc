#include "accelerate/engine/updates.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <utility>

#include "accelerate/engine/optimizer_gradients.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/phases/phases.h"
#include "accelerate/sharding/cut_tensor.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {

void Updates::check_synced(OptimizerState& optimizer) const {
  if (!models_.syncs()) return;
  const auto models = models_.live();
  c10::SmallVector<int64_t, 4> stepped_at;
  for (const auto& model : models) stepped_at.push_back(optimizer.stepped_at[model->sync.get()]);
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!parameter.grad().defined()) continue;
      bool known = false;
      for (size_t i = 0; i < models.size(); ++i) {
        const StepRight right = models[i]->sync->may_step(parameter, stepped_at[i]);
        known = known || right != StepRight::kNotMine;
        if (right != StepRight::kNotSynced) continue;
        TORCH_CHECK(models[i]->no_sync_depth > 0,
                    "this step would use gradients that were not averaged over the processes; call "
                    "accelerator.backward(loss) instead of loss.backward(), and run the last "
                    "backward pass before a step outside of no_sync(); for gradients that the "
                    "program makes and averages itself, call step() within no_sync(model)");
        TORCH_CHECK(!models_.is_sharded(),
                    "this step is within no_sync(), so each process would step its part with "
                    "gradients of its own data only, in a sharded strategy; leave no_sync() before "
                    "the last backward pass of a step, or train with --strategy=multi_cpu or "
                    "multi_gpu");
      }
      TORCH_CHECK(known, "this optimizer has a parameter of shape ", parameter.sizes(),
                  " that belongs to no prepared model, so every process would train its own copy; "
                  "register it in a module, and prepare that module");
    }
  }
  for (const auto& model : models) optimizer.stepped_at[model->sync.get()] = model->sync->rounds();
}

void Updates::prepare_step(OptimizerState& optimizer) {
  check_synced(optimizer);
  models_.restore_layout();
  if (!uneven_inputs_.is_open()) models_.make_buffers_equal();
}

void Updates::note_step(OptimizerState& optimizer) {
  auto& recorder = launcher::FlightRecorder::of_process();
  recorder.set_step(++optimizer.num_steps);
  optimizer.has_used_gradients = true;
  optimizer.waits_since.reset();
  // Within a scope of the program's own, which the next forward pass may not leave before.
  at::autocast::clear_cache();
  if (const auto loader = loaders_.current())
    recorder.set_position(loader->epoch, loader->consumed);
  loaders_.note_training();
  const int64_t before = std::exchange(samples_of_steps_, loaders_.samples_trained_on());
  if (auto* phases = Phases::heard()) phases->note_step(&optimizer, samples_of_steps_ - before);
}

class Updates::Step final : public HostWork {
 public:
  Step(Updates& updates, OptimizerState& optimizer)
      : HostWork("step of an optimizer"),
        updates_(updates),
        optimizer_(optimizer.weak_from_this()) {}

  std::vector<std::string> arguments() const override {
    return {internal::identity_of(optimizer_)};
  }
  void run() override {
    const PhaseScope stepping(Phase::kOptimizer);
    const auto optimizer = still_there(optimizer_);
    updates_.prepare_step(*optimizer);
    updates_.optimizers_.step(*optimizer);
    updates_.note_step(*optimizer);
  }
  void record() override {
    const auto optimizer = still_there(optimizer_);
    updates_.prepare_step(*optimizer);
    on_device_ = updates_.optimizers_.record(*optimizer);
    // Within a scope of the program's own, what follows casts the weights anew.
    at::autocast::clear_cache();
  }
  bool prepare() override {
    const auto optimizer = optimizer_.lock();
    return optimizer != nullptr && OptimizerSteps::prepare(*optimizer, on_device_);
  }
  void complete() override {
    const auto optimizer = still_there(optimizer_);
    OptimizerSteps::complete(*optimizer, on_device_);
    updates_.note_step(*optimizer);
  }

 private:
  Updates& updates_;
  std::weak_ptr<OptimizerState> optimizer_;
  DeviceStep on_device_;
};

// Of several optimizers, one may be called at places where no window ever ends.
void Updates::check_will_step(OptimizerState& optimizer) const {
  if (!optimizer.waits_since) optimizer.waits_since = window_.begun();
  constexpr int64_t kPatience = 2;  // In windows.
  // The number may have changed since the present window began.
  const int64_t longest = std::max(window_.num_steps(), window_.steps());
  TORCH_CHECK(window_.begun() - *optimizer.waits_since < kPatience * longest,
              "this optimizer has not stepped for ", window_.begun() - *optimizer.waits_since,
              " calls of accumulate(), although gradient_accumulation_steps is ",
              window_.num_steps(),
              ": each call counts as a batch, and it is called where no window is full. Put all "
              "backward passes and steps of a batch into one accumulate(), with all models, as "
              "accumulate(a, b)");
}

void Updates::step(OptimizerState& optimizer) {
  if (!window_.sync_gradients()) {
    if (window_.is_left_open() && !std::exchange(warned_of_left_window_, true))
      TORCH_WARN(
          "optimizer.step() outside of accumulate() does nothing while the window of "
          "gradient_accumulation_steps is not full; move it into the scope. If the loop was left "
          "early, the next accelerator.backward() outside of accumulate() ends the window");
    check_will_step(optimizer);
    return;
  }
  in_each_replay(Step(*this, optimizer));
}

// What such an optimizer decides, as the line search of LBFGS does, it must decide alike on all
// ranks. So it sees the mean of the loss over them, beside the mean of the gradients.
at::Tensor Updates::step(OptimizerState& optimizer, const std::function<at::Tensor()>& closure) {
  TORCH_CHECK(closure != nullptr, "step(closure): the closure is empty; call step() without one");
  refuse_recording("the loss of an optimizer's step with a closure");
  TORCH_CHECK(
      window_.sync_gradients() && window_.loss_factor() == 1,
      "step(closure) within a window of accumulate(): the closure would evaluate only the loss of "
      "the last batch; add up the losses of all batches in the closure, without "
      "accumulate()");
  TORCH_CHECK(!uneven_inputs_.is_open() && !models_.in_scope(),
              "step(closure) within no_sync() or join_uneven_inputs(): all processes must evaluate "
              "the same loss the same number of times; call it outside of these scopes");
  TORCH_CHECK(
      !optimizers_.scales_loss() || optimizer.fused,
      "this optimizer may call its closure any number of times, which the fp16 loss scale "
      "does not support; use bf16 or fp32, or one of the optimizers that have a fused form");
  const auto evaluate = [&] {
    at::Tensor loss;
    {
      c10::AutoGradMode grad(true);
      at::autocast::clear_cache();
      loss = closure();
    }
    if (!loss.defined() || !models_.syncs()) return loss;
    c10::AutoGradMode no_grad(false);
    at::Tensor mean = loss.detach().to(device_).clone(at::MemoryFormat::Contiguous);
    communicator_.all_reduce(mean, ReduceOp::kMean);
    return mean;
  };
  if (optimizer.fused || models_.is_sharded()) {
    // One evaluation, then a step as any other.
    at::Tensor loss = evaluate();
    step(optimizer);
    return loss;
  }
  models_.restore_layout();
  const PhaseScope stepping(Phase::kOptimizer);
  const at::Tensor loss = optimizer.optimizer->step([&] {
    at::Tensor loss = evaluate();
    check_synced(optimizer);
    return loss;
  });
  optimizer.outcomes.add(/*skipped=*/false);
  optimizers_.note_own_step(optimizer);
  note_step(optimizer);
  return loss;
}

void Updates::zero_grad(OptimizerState& optimizer, bool set_to_none) {
  const PhaseScope zeroing(Phase::kOptimizer);
  if (window_.holds_partial_sum() && window_.is_left_open()) {
    left_zero_grads_.push_back({optimizer.weak_from_this(), set_to_none});
    return;
  }
  // Of several optimizers each has its own place in a batch, before or after the others' passes.
  if (window_.holds_sum() && !optimizer.has_used_gradients) return;
  if (set_to_none) {
    // LibTorch's own detaches each gradient first, which costs more than to let go of it.
    for (const auto& group : optimizer.optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        if (parameter.grad().defined()) parameter.mutable_grad().reset();
      }
    }
  } else {
    for (const at::Tensor& parameter : internal::parameters_of(*optimizer.optimizer)) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) continue;
      // One that is cut becomes whole, so that whatever pass comes next can add to it.
      if (is_cut(gradient)) {
        gradient = at::zeros_like(parameter);
      } else {
        gradient.detach_().zero_();
      }
    }
  }
  in_each_replay(
      "zero_grad",
      [this](const std::weak_ptr<OptimizerState>& optimizer) {
        optimizers_.after_zero_grad(*still_there(optimizer));
      },
      optimizer.weak_from_this());
}

void Updates::begin_batch() {
  in_each_replay("accumulate", [this] {
    const auto pass = loaders_.current();
    window_.check_step(pass);
    left_zero_grads_.clear();
    window_.begin_step(pass);
  });
}

void Updates::end_left_window() {
  if (!window_.is_left_open()) return;
  window_.end_in_pass();
  for (const LeftZeroGrad& each : std::exchange(left_zero_grads_, {})) {
    if (const auto optimizer = each.optimizer.lock()) zero_grad(*optimizer, each.set_to_none);
  }
}

}  // namespace accelerate
