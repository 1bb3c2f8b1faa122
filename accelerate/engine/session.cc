#include "accelerate/engine/session.h"

#include <ATen/ops/randint.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/util/Exception.h>
#include <signal.h>

#include <limits>
#include <string>
#include <utility>

#include "accelerate/engine/held_memory.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/process/log_level.h"
#include "accelerate/process/stop_request.h"
#include "launcher/env/environment.h"
#include "launcher/env/integer.h"
#include "launcher/env/sharding.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

// As in Python, whoever launches the program has the last word.
int64_t accumulation_steps(const AcceleratorOptions& options, bool is_main) {
  const auto text = launcher::process_environment(launcher::kAccumulationStepsVariable);
  if (!text.has_value()) return options.gradient_accumulation_steps;
  const auto steps = launcher::parse_integer(
      *text, {.name = launcher::kAccumulationStepsVariable,
              .minimum = 1,
              .remedy = "set it to the number of batches for each update, or unset it."});
  TORCH_CHECK(steps.ok(), std::string(steps.status().message()));
  const int64_t own = options.gradient_accumulation_steps;
  if (is_main && own != AcceleratorOptions().gradient_accumulation_steps && own != *steps)
    TORCH_WARN(launcher::kAccumulationStepsVariable, "=", *steps,
               ", which a flag or deepspeed_config may have set, replaces this program's "
               "gradient_accumulation_steps = ",
               own, "; unset it, or write `auto` in the config file, to keep the program's number");
  return *steps;
}

// What the strategy fixes, or else the launch.
launcher::Sharding sharding_of(const StrategyTraits& strategy) {
  if (strategy.sharding) return *strategy.sharding;
  const auto chosen = launcher::read_sharding();
  TORCH_CHECK(chosen.ok(), std::string(chosen.status().message()));
  return *chosen;
}

// Under ZeRO-2 no rank keeps whole gradients from one batch of a window to the next.
AcceleratorOptions with_accumulation_of(const StrategyTraits& strategy,
                                        AcceleratorOptions options) {
  if (sharding_of(strategy) == launcher::Sharding::kZero2)
    options.gradient_accumulation.sync_each_batch = true;
  return options;
}

launcher::WorkerEnvironment read_worker(const StrategyTraits& strategy) {
  apply_log_level();
  const auto environment = launcher::read_worker_environment();
  TORCH_CHECK(environment.ok(), std::string(environment.status().message()));
  const launcher::WorkerEnvironment worker = environment->value_or(launcher::WorkerEnvironment{});
  TORCH_CHECK(strategy.multi_process || worker.world_size == 1, "the strategy ", strategy.name,
              " is for one process, but this run has ", worker.world_size, "; use multi_",
              strategy.name, ", or start one process");
  return worker;
}

std::optional<LossScale> make_loss_scale(const PrecisionTraits& precision, c10::Device device,
                                         const LossScaleOptions& options) {
  if (!precision.loss_scaled) return std::nullopt;
  return std::optional<LossScale>(std::in_place, options, device);
}

std::vector<Stateful*> equal_on_all_ranks(std::vector<Stateful*> parts) {
  std::erase_if(parts, [](const Stateful* part) { return !part->is_equal_on_all_ranks(); });
  return parts;
}

}  // namespace

Session::Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
                 const AcceleratorOptions& options, MakeStrategyParts make_parts)
    : Session(read_worker(strategy), strategy, precision, options, make_parts) {}

Session::Session(const launcher::WorkerEnvironment& worker, const StrategyTraits& strategy,
                 const PrecisionTraits& precision, const AcceleratorOptions& options,
                 MakeStrategyParts make_parts)
    : options_(with_accumulation_of(strategy, options)),
      process_(make_process_info(worker, strategy.device)),
      communicator_(Communicator::world(worker, process_, options.process_group)),
      meter_(process_, precision.autocast.value_or(at::kFloat)),
      trackers_(*communicator_, process_),
      watch_(*communicator_, process_, *active_loaders_),
      strategy_(make_parts(*communicator_, options.gradients, sharding_of(strategy))),
      loss_scale_(make_loss_scale(precision, process_.device, options.loss_scale)),
      window_(accumulation_steps(options, process_.is_main()), options_.gradient_accumulation),
      models_(*communicator_, process_.device, precision, strategy_),
      optimizers_(loss_scale(), *strategy_.gradient_facts, models_, options.moments),
      schedules_({.world_size = process_.world_size,
                  .is_main = process_.is_main(),
                  .split_batches = options.split_batches,
                  .step_with_optimizer = options.step_scheduler_with_optimizer},
                 window_, optimizers_),
      generators_(process_.device),
      uneven_inputs_(*communicator_, process_.device,
                     {.models = models_,
                      .optimizers = optimizers_,
                      .window = window_,
                      .parts = equal_on_all_ranks(parts())}),
      updates_(*communicator_, process_.device, models_, optimizers_, window_, uneven_inputs_,
               *active_loaders_),
      backward_pass_(precision, loss_scale(), models_, optimizers_, window_, uneven_inputs_,
                     updates_, watch_),
      checkpoints_({.communicator = communicator_.get(),
                    .process = process_,
                    .strategy = std::string(strategy.name),
                    .precision = std::string(precision.name),
                    .parts = [this] { return parts(); },
                    .check_can_be_saved = [this] { check_can_be_saved(); },
                    .make_equal = [this] { models_.make_all_buffers_equal(); },
                    .before_load = [this] { before_load(); }},
                   options.checkpoints),
      out_of_memory_watch_(process_, [this] { return memory(); }) {
  apply_gpu_options(options.gpu);
}

MemoryUsage Session::memory() const {
  return internal::held_memory(models_, optimizers_, process_.device);
}

void Session::log(const LogValues& values, const LogOptions& options) {
  trackers_.log(values, options);
  // In a call of their own: the program's values may be means over all ranks, and these are the
  // main process's. At the program's step, as those that watch and meter count are others.
  LogValues own = watch_.take_norms();
  if (!process_.is_main()) return;
  if (meter_.is_due()) {
    for (const auto& [name, value] : meter_.take_values())
      own.emplace_back("report/" + name, value);
  }
  if (!own.empty()) trackers_.log(own, {.step = trackers_.last_step()});
}

std::vector<Stateful*> Session::parts() {
  // Schedules first: as they advance they change rates, which the optimizers then bring themselves.
  std::vector<Stateful*> parts{&models_,     &schedules_,           &optimizers_, &window_,
                               &generators_, active_loaders_.get(), &trackers_};
  if (loss_scale_) parts.push_back(&*loss_scale_);
  if (meter_.is_running()) parts.push_back(&meter_);
  return parts;
}

void Session::check_can_be_saved() {
  TORCH_CHECK(!uneven_inputs_.is_open(),
              "within join_uneven_inputs() the ranks are at different steps; save after the scope");
  // Says so where a window is open.
  window_.save();
  schedules_.check_can_be_saved();
  optimizers_.check_none_waits();
}

void Session::before_load() {
  TORCH_CHECK(active_loaders_->current() == nullptr,
              "a loop over a loader is under way, and loading would not move it; leave the loop "
              "before you load a state");
  // What is not in a state is not to be left of the run before.
  models_.abandon_sync();
  models_.drop_gradients();
  for (const auto& optimizer : optimizers_.live()) optimizer->pending.reset();
}

bool Session::all_agree(bool mine) {
  return communicator_->all_reduce_numbers({mine}, ReduceOp::kMin)[0] != 0;
}

void Session::begin_anew() {
  optimizers_.forget_all();
  schedules_.forget_all();
  // Their handles may live on.
  std::erase_if(registrations_, [](const Registration& each) { return each.kind == kScheduler; });
  window_.restart();
}

uint64_t Session::agree_on_seed(std::optional<uint64_t> own) {
  at::Tensor seed = own ? at::scalar_tensor(static_cast<int64_t>(*own), at::kLong).view({1})
                        : at::randint(std::numeric_limits<int32_t>::max(), {1}, at::kLong);
  seed = seed.to(process_.device);
  communicator_->broadcast(seed, 0);
  return static_cast<uint64_t>(seed.item<int64_t>());
}

bool Session::should_stop() {
  refuse_recording("whether the run should stop");
  if (!stop_agreement_) {
    take_stop_requests(SIGUSR1);
    take_stop_requests(SIGUSR2);
    take_stop_requests(SIGTERM);
    stop_agreement_.emplace(communicator_, process_.device);
  }
  return stop_agreement_->ask(stop_is_requested());
}

void Session::set_trigger() {
  refuse_recording("that a trigger is set");
  trigger_ = true;
}

bool Session::check_trigger() {
  refuse_recording("whether a trigger was set");
  return !all_agree(!std::exchange(trigger_, false));
}

std::shared_ptr<const void> Session::register_once(const void* object, const char* kind) {
  std::erase_if(registrations_, [](const Registration& each) { return each.token.expired(); });
  for (const Registration& each : registrations_) {
    TORCH_CHECK(each.object != object, "this ", kind,
                " was prepared before; use the handle that prepare() returned then");
  }
  auto token = std::make_shared<char>();
  registrations_.push_back({object, kind, token});
  return token;
}

}  // namespace accelerate
