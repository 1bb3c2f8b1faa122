// The engine behind an Accelerator: everything that does not depend on a policy's type. Programs
// use the Accelerator and the handles that its prepare() returns; this is where those meet.
//
// Not thread-safe: a training loop runs in one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/comm/operations.h"
#include "accelerate/core/accumulation.h"
#include "accelerate/core/live.h"
#include "accelerate/core/optimizer_steps.h"
#include "accelerate/core/stop_agreement.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/gradients/gradient_reducer.h"
#include "accelerate/layout/flat_parameters.h"
#include "accelerate/precision/autocast.h"
#include "accelerate/precision/gpu_options.h"
#include "accelerate/precision/loss_scale.h"
#include "accelerate/precision/precision.h"
#include "accelerate/process/process_info.h"
#include "accelerate/strategy/strategy.h"
#include "accelerate/tape/recorded_call.h"

namespace torch::nn {
class Module;
}
namespace torch::optim {
class Optimizer;
}

namespace accelerate {

struct AcceleratorOptions {
  ProcessGroupOptions process_group = {};
  // How gradients are averaged over the processes.
  GradientOptions gradients = {};
  // Batches whose gradients are added up for one update, within accumulate().
  int64_t gradient_accumulation_steps = 1;
  GradientAccumulationOptions gradient_accumulation = {};
  // Used with Fp16 only.
  LossScaleOptions loss_scale = {};
  // Settings of LibTorch for the whole process, made with the Accelerator, whatever the strategy.
  GpuOptions gpu = {};
  // A loader's batch size is that of all processes together, and each batch is cut into their
  // parts.
  bool split_batches = false;
  // A loader's last batches are filled up with its first samples, so that all processes make equal
  // steps.
  bool even_batches = true;
  // Schedulers advance once for each batch of the whole run, and not in steps that the optimizer
  // skipped, unless they were prepared as counting otherwise (schedule_unit.h). False: once for
  // each call.
  bool step_scheduler_with_optimizer = true;
};

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  // Within accumulate(), whether the loss is divided by the number of batches of its window. Off
  // for a loss that the program has divided itself, as by the number of tokens in the window.
  bool average = true;
};

// A model that prepare() has seen.
struct ModelState {
  std::shared_ptr<torch::nn::Module> module;
  // In registration order; a tensor registered twice is here once.
  std::vector<NamedParameter> parameters;
  bool has_buffers = false;
  // Whether its handle has been called; and in training, since the last averaging.
  bool was_called = false;
  bool was_called_in_training = false;
  // Whether its gradients were averaged since its buffers were last made equal on all ranks.
  bool buffers_stale = false;
  // Whether the program has released it.
  bool is_released = false;

  // Over those parameters that were trainable when it was laid out, and which these were.
  std::unique_ptr<FlatParameters> flat;
  std::vector<bool> trainable;
  // Models prepared before that average parameters of this one, as long as they are there.
  std::vector<std::weak_ptr<ModelState>> shared_with;
  // Null on one process.
  std::unique_ptr<GradientReducer> reducer;
  // Scopes that keep its gradients to this process, and whether the next backward pass averages
  // them all the same.
  int no_sync_depth = 0;
  bool trigger_sync = false;
  // Until the first backward pass through the model has shown how the program uses it.
  bool is_new = true;
};

// How far a prepared scheduler has been advanced.
struct ScheduleProgress {
  std::function<void()> advance;
  int64_t advances = 0;
  // Steps that the optimizer had taken when it was last stepped; whether it was warned that they
  // are many.
  int64_t updates = 0;
  bool warned = false;
};

class Session {
 public:
  // Joins the run that the environment describes. Throws c10::Error when the strategy does not fit
  // it.
  Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
          const AcceleratorOptions& options);
  // Handles, reducers and recordings refer to it.
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const AcceleratorOptions& options() const { return options_; }
  const ProcessInfo& process() const { return process_; }
  const PrecisionTraits& precision() const { return precision_; }
  Communicator& communicator() { return *communicator_; }
  const std::shared_ptr<ActiveLoaders>& active_loaders() const { return active_loaders_; }

  // ---- Preparation

  // Moves the model to the device, makes it one model on all ranks and lays its parameters flat.
  // Without `owned`, the caller's module must outlive the state. Throws c10::Error when the model
  // was prepared before or differs between the ranks.
  std::shared_ptr<ModelState> add_model(const std::shared_ptr<torch::nn::Module>& module,
                                        bool owned);
  // Takes the model out of the averaging, and gives back the memory for it.
  void release(ModelState& model);
  // Throws c10::Error when the optimizer was prepared before and a handle of it still lives.
  std::shared_ptr<OptimizerState> add_optimizer(torch::optim::Optimizer& optimizer);
  // Throws c10::Error when the object was prepared before and its token still lives.
  std::shared_ptr<const void> add_other(const void* object, const char* kind);
  std::shared_ptr<ScheduleProgress> add_schedule(std::function<void()> advance);
  // A seed for a shuffle, drawn from rank 0's default generator and the same on all ranks.
  uint64_t draw_seed();
  // Those that live, in the order of their preparation.
  internal::LiveList<ModelState> models() const;
  internal::LiveList<ScheduleProgress> schedules() const;

  // ---- Training

  // Called before each forward pass of a prepared model. Throws c10::Error when it was released.
  void before_forward(ModelState& model);
  // Makes the next backward pass average the model's gradients, whatever scope it is in.
  void trigger_sync(ModelState& model);
  // The autocast scope of this precision; none for full precision.
  std::optional<Autocast> autocast() const;
  // The same for a scope of the program's own.
  std::optional<Autocast> program_autocast();
  // Backward of the (scaled) loss, after which the gradients of all prepared models that sync are
  // the mean over the ranks, and their buffers those of rank 0.
  void backward(const at::Tensor& loss, const BackwardOptions& options);
  // The optimizer's step, unless the gradients are still being added up or are not finite.
  void step(OptimizerState& optimizer);
  // The same of one that evaluates the loss itself; see PreparedOptimizer.
  at::Tensor step(OptimizerState& optimizer, const std::function<at::Tensor()>& closure);
  void zero_grad(OptimizerState& optimizer, bool set_to_none);
  // What an optimizer does with its gradients, and the window of accumulate().
  OptimizerSteps& optimizer_steps() { return optimizer_steps_; }
  AccumulationWindow& accumulation() { return accumulation_; }
  // The batch at hand begins a step; see Accelerator::accumulate().
  void begin_accumulation_step();
  // Of the active loader, after the batch at hand; none without one.
  std::optional<int64_t> batches_left() const;

  // See Accelerator::should_stop().
  bool should_stop();

  // ---- Captured steps

  // While a step is recorded for a GPU: where to note what the host has to do in each replay. Null
  // otherwise.
  void set_recording(std::vector<std::function<void()>>* actions) { recording_ = actions; }
  // Does this for a schedule, or notes it for each replay when a step is being recorded.
  template <class Action>
  void in_each_step(const ScheduleProgress* schedule, Action action) {
    if (recording_ != nullptr) return recording_->push_back(std::move(action));
    in_each_replay(
        "step of a scheduler", [action](const ScheduleProgress*) { action(); }, schedule);
  }
  // Brings back into its slot what has left it, in all models.
  void restore_layouts();
  // When an exception has ended a step, or a replay of one: what it was about to average is not.
  void abandon_backward();
  // Whether gradients are being averaged, perhaps by other threads.
  bool is_averaging() const;
  // Whether a scope that the program is in changes what a backward pass does: of no_sync() or of
  // uneven inputs. And how many of the latter have ended.
  bool in_scope() const;
  bool is_joining() const { return joining_; }
  int64_t ended_joins() const { return ended_joins_; }
  // Whether it is so on all ranks. Collective.
  bool all_agree(bool mine);

  // None unless the precision scales the loss.
  LossScale* loss_scale() { return loss_scale_ ? &*loss_scale_ : nullptr; }

  // ---- Uneven inputs

  // From then on, and until end_join(), each averaging first counts the ranks that still have data.
  void begin_join();
  // This rank has run out of data: takes part in the averaging of the others until they have, too,
  // and then takes over what it missed.
  void end_join();
  // After an exception: nobody is waited for.
  void abandon_join() { joining_ = false; }

  // ---- Communication

  // How many of so many gathered samples are none that the last batch repeats.
  int64_t count_for_metrics(int64_t gathered) const;
  // On this process's device, where collectives need it.
  at::Tensor to_device(const at::Tensor& tensor) const;

 private:
  // Lets go of models that neither the program nor a handle can reach any more.
  void drop_unreachable_models();
  // Lays out the trainable parameters, and their gradients' buckets.
  void lay_out(ModelState& model);
  // Does so again for a parameter that has become trainable, or of another type, or whose averaging
  // another model has left to this one; brings back what has left its slot.
  void refresh(ModelState& model);
  // What backward() does before and after autograd's part.
  void begin_backward();
  void end_backward(bool keeps_graph);
  // Gives all ranks rank 0's buffers of the models that were averaged since.
  void make_buffers_equal();
  // What the first backward pass through a model shows about it.
  void look_at_new_model(ModelState& model);
  // The first backward pass outside of accumulate() after a loop that was left in the middle of a
  // window.
  void end_left_window();
  bool any_syncs() const;
  // Averages the models that `syncing` says, in the order of their preparation.
  void average(const internal::LiveList<ModelState>& models, const std::vector<bool>& syncing,
               bool contributes);
  // In a join: tells the others that this rank still has data, or learns whether any has; which
  // models they average. The number of ranks with data.
  int64_t announce(bool has_data, std::vector<bool>& syncing);
  // Number by number over the ranks.
  std::vector<int64_t> all_reduce_numbers(const std::vector<int64_t>& numbers, ReduceOp op);
  // Throws c10::Error when the optimizer would step with gradients of this rank alone.
  void check_averaged(OptimizerState& optimizer) const;

  AcceleratorOptions options_;
  PrecisionTraits precision_;
  ProcessInfo process_;
  std::shared_ptr<Communicator> communicator_;
  // From the first question on.
  std::optional<StopAgreement> stop_agreement_;
  std::optional<LossScale> loss_scale_;
  OptimizerSteps optimizer_steps_;
  AccumulationWindow accumulation_;
  std::shared_ptr<ActiveLoaders> active_loaders_ = std::make_shared<ActiveLoaders>();
  std::vector<std::function<void()>>* recording_ = nullptr;
  // Of the models, in the order of their preparation: whether the backward pass that is under way
  // averages their gradients.
  std::vector<bool> syncing_;
  // Whether the program has opened autocast scopes of its own.
  bool program_autocasts_ = false;
  // zero_grad() outside of accumulate() while its window is open: done if a backward pass follows
  // there, and not if the window goes on.
  struct LeftZeroGrad {
    std::weak_ptr<OptimizerState> optimizer;
    bool set_to_none;
  };
  std::vector<LeftZeroGrad> left_zero_grads_;
  bool warned_of_left_window_ = false;
  bool joining_ = false;
  int64_t ended_joins_ = 0;
  // Averagings in this join that this rank had data for.
  int64_t joined_steps_ = 0;

  std::vector<std::weak_ptr<ModelState>> models_;
  // Models whose module the user shares with us stay in the averaging when their handle is gone, as
  // long as somebody else has the module.
  std::vector<std::shared_ptr<ModelState>> owned_models_;
  std::vector<std::weak_ptr<ScheduleProgress>> schedules_;
  struct Other {
    const void* object;
    std::weak_ptr<const void> token;
  };
  std::vector<Other> others_;
};

namespace internal {

// Lets the main process through a scope before the others. When the scope ends in an exception, the
// others go on without waiting to fail at their next collective, as after any death of a peer.
class InTurn {
 public:
  InTurn(Communicator& communicator, bool first);
  ~InTurn() noexcept(false);

 private:
  Communicator& communicator_;
  bool first_;
  int exceptions_;
};

}  // namespace internal
}  // namespace accelerate
