// The engine behind an Accelerator, independent of the policies' types: who this process is, and
// the parts that work together in training. Each part has its own file.
//
//   auto session = std::make_shared<Session>(MultiCpu::traits, Fp16::traits, options,
//                                            &MultiCpu::Gradients::make);
//   if (session->process().is_main()) write_log(session->options());
//
// Not thread-safe: a training loop runs in one thread. Not for programs: use the Accelerator and
// the handles of its prepare().
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string_view>
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

// Registered for as long as its handle lives.
inline constexpr const char* kScheduler = "scheduler";

class Session {
 public:
  // Joins the run that the environment describes. Throws c10::Error when the strategy does not fit
  // it.
  Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
          const AcceleratorOptions& options, MakeStrategyParts make_parts);
  // Not copyable, because its parts, handles and recordings refer to it.
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- Who this process is
  const AcceleratorOptions& options() const { return options_; }
  const ProcessInfo& process() const { return process_; }
  Communicator& communicator() { return *communicator_; }
  // Whether `mine` is true on all ranks. Collective.
  bool all_agree(bool mine);
  // The seed for a shuffle: rank 0's, drawn from its default generator where it has none.
  // Collective.
  uint64_t agree_on_seed(std::optional<uint64_t> own);
  // See Accelerator::should_stop().
  bool should_stop();
  // See Accelerator::set_trigger().
  void set_trigger();
  bool check_trigger();

  // ---- Parts of the session
  ModelSet& models() { return models_; }
  OptimizerSteps& optimizers() { return optimizers_; }
  ScheduleSet& schedules() { return schedules_; }
  AccumulationWindow& accumulation() { return window_; }
  UnevenInputs& uneven_inputs() { return uneven_inputs_; }
  Updates& updates() { return updates_; }
  BackwardPass& backward_pass() { return backward_pass_; }
  const std::shared_ptr<ActiveLoaders>& active_loaders() const { return active_loaders_; }
  // Null unless the precision scales the loss.
  LossScale* loss_scale() { return loss_scale_ ? &*loss_scale_ : nullptr; }
  Checkpointer& checkpoints() { return checkpoints_; }
  RunMeter& meter() { return meter_; }
  Trackers& trackers() { return trackers_; }
  Watch& watch() { return watch_; }
  // Logs the values to the trackers, and then those that the watch and the meter have for them.
  void log(const LogValues& values, const LogOptions& options);
  // How much of the device's memory models and optimizers hold.
  MemoryUsage memory() const;
  // Forgets what belonged to models that are released: optimizers, schedules and the window.
  void begin_anew();
  // All parts whose state a run needs to continue.
  std::vector<Stateful*> parts();
  // Registers a loader or a schedule for as long as the returned token lives. Throws c10::Error if
  // the object is registered already.
  std::shared_ptr<const void> register_once(const void* object, const char* kind);

 private:
  Session(const launcher::WorkerEnvironment& worker, const StrategyTraits& strategy,
          const PrecisionTraits& precision, const AcceleratorOptions& options,
          MakeStrategyParts make_parts);

  // Throws c10::Error if something is pending that no state contains.
  void check_can_be_saved();
  void before_load();

  AcceleratorOptions options_;
  ProcessInfo process_;
  std::shared_ptr<Communicator> communicator_;
  std::shared_ptr<ActiveLoaders> active_loaders_ = std::make_shared<ActiveLoaders>();
  RunMeter meter_;
  Trackers trackers_;
  Watch watch_;
  // In this order, because each refers to some of those before it.
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
  // Set by the first call of should_stop().
  std::optional<StopAgreement> stop_agreement_;
  bool trigger_ = false;

  struct Registration {
    const void* object;
    std::string_view kind;
    std::weak_ptr<const void> token;
  };
  std::vector<Registration> registrations_;
  // The last member, because it looks at the others.
  OutOfMemoryWatch out_of_memory_watch_;
};

}  // namespace accelerate
