// The engine behind an Accelerator, which depends on no policy's type: who this process is, and the
// parts that work together in training. Each part is a file of its own.
//
//   auto session = std::make_shared<Session>(MultiCpu::traits, Fp16::traits, options,
//                                            &MultiCpu::Gradients::make);
//   if (session->process().is_main()) write_log(session->options());
//
// Not thread-safe: a training loop runs in one thread. Not for programs, which use the Accelerator
// and the handles of its prepare().
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "accelerate/checkpoint/checkpointer.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/data/active_loaders.h"
#include "accelerate/engine/accelerator_options.h"
#include "accelerate/engine/accumulation.h"
#include "accelerate/engine/backward_pass.h"
#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"
#include "accelerate/engine/schedule_set.h"
#include "accelerate/engine/stop_agreement.h"
#include "accelerate/engine/uneven_inputs.h"
#include "accelerate/engine/updates.h"
#include "accelerate/gradients/strategy_gradients.h"
#include "accelerate/memory/memory_usage.h"
#include "accelerate/memory/out_of_memory.h"
#include "accelerate/precision/loss_scale.h"
#include "accelerate/precision/precision.h"
#include "accelerate/process/process_info.h"
#include "accelerate/report/run_meter.h"
#include "accelerate/state/generators.h"
#include "accelerate/state/stateful.h"
#include "accelerate/strategy/strategy.h"
#include "accelerate/tracking/trackers.h"
#include "accelerate/watch/watch.h"
#include "launcher/env/worker_environment.h"

namespace accelerate {

class Session {
 public:
  // Joins the run that the environment describes. Throws c10::Error when the strategy does not fit
  // it.
  Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
          const AcceleratorOptions& options, MakeStrategyParts make_parts);
  // Its parts, handles and recordings refer to it.
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- Who it is
  const AcceleratorOptions& options() const { return options_; }
  const ProcessInfo& process() const { return process_; }
  Communicator& communicator() { return *communicator_; }
  // Whether it is so on all ranks. Collective.
  bool all_agree(bool mine);
  // A seed for a shuffle, drawn from rank 0's default generator and the same on all ranks.
  // Collective.
  uint64_t draw_seed();
  // See Accelerator::should_stop().
  bool should_stop();
  // See Accelerator::set_trigger().
  void set_trigger();
  bool check_trigger();

  // ---- What it holds
  ModelSet& models() { return models_; }
  OptimizerSteps& optimizers() { return optimizers_; }
  ScheduleSet& schedules() { return schedules_; }
  AccumulationWindow& accumulation() { return window_; }
  UnevenInputs& uneven_inputs() { return uneven_inputs_; }
  Updates& updates() { return updates_; }
  BackwardPass& backward_pass() { return backward_pass_; }
  const std::shared_ptr<ActiveLoaders>& active_loaders() const { return active_loaders_; }
  // None unless the precision scales the loss.
  LossScale* loss_scale() { return loss_scale_ ? &*loss_scale_ : nullptr; }
  Checkpointer& checkpoints() { return checkpoints_; }
  RunMeter& meter() { return meter_; }
  Trackers& trackers() { return trackers_; }
  Watch& watch() { return watch_; }
  // To the trackers; and behind it what the meter has for them.
  void log(const LogValues& values, const LogOptions& options);
  // What models and optimizers hold of this process's device.
  MemoryUsage memory() const;
  // All that has a state from which the run goes on.
  std::vector<Stateful*> parts();
  // Throws c10::Error when the object, a loader or a schedule, was prepared before and its token
  // still lives.
  std::shared_ptr<const void> register_once(const void* object, const char* kind);

 private:
  Session(const launcher::WorkerEnvironment& worker, const StrategyTraits& strategy,
          const PrecisionTraits& precision, const AcceleratorOptions& options,
          MakeStrategyParts make_parts);

  // Throws c10::Error where something waits that is in no state.
  void check_can_be_saved();
  void before_load();

  AcceleratorOptions options_;
  ProcessInfo process_;
  std::shared_ptr<Communicator> communicator_;
  std::shared_ptr<ActiveLoaders> active_loaders_ = std::make_shared<ActiveLoaders>();
  RunMeter meter_;
  Trackers trackers_;
  Watch watch_;
  // In this order, as each refers to some before.
  StrategyParts strategy_;
  std::optional<LossScale> loss_scale_;
  AccumulationWindow window_;
  ModelSet models_;
  OptimizerSteps optimizers_;
  ScheduleSet schedules_;
  Generators generators_;
  UnevenInputs uneven_inputs_;
  Updates updates_;
  BackwardPass backward_pass_;
  Checkpointer checkpoints_;
  // From the first question on.
  std::optional<StopAgreement> stop_agreement_;
  bool trigger_ = false;

  struct Registration {
    const void* object;
    std::weak_ptr<const void> token;
  };
  std::vector<Registration> registrations_;
  // The last one, as it looks at the others.
  OutOfMemoryWatch out_of_memory_watch_;
};

}  // namespace accelerate
