#include "accelerate/core/session.h"

#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <signal.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <algorithm>
#include <exception>
#include <limits>

#include "accelerate/gradients/model_agreement.h"
#include "accelerate/process/log_level.h"
#include "accelerate/process/stop_request.h"
#include "accelerate/tape/recorded_call.h"
#include "launcher/env/environment.h"
#include "launcher/env/integer.h"
#include "launcher/env/variable_names.h"

namespace accelerate {
namespace {

bool has_gradient(const ModelState& model) {
  for (const NamedParameter& parameter : model.parameters) {
    if (parameter.tensor.grad().defined()) return true;
  }
  return false;
}

// As in Python, whoever launches the program has the last word.
int64_t accumulation_steps(const AcceleratorOptions& options) {
  const auto text = launcher::process_environment(launcher::kAccumulationStepsVariable);
  if (!text.has_value()) return options.gradient_accumulation_steps;
  const auto steps = launcher::parse_integer(
      *text, {.name = launcher::kAccumulationStepsVariable,
              .minimum = 1,
              .remedy = "set it to the number of batches for each update, or unset it."});
  TORCH_CHECK(steps.ok(), std::string(steps.status().message()));
  return *steps;
}

}  // namespace

Session::Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
                 const AcceleratorOptions& options)
    : options_(options),
      precision_(precision),
      optimizer_steps_(nullptr),
      accumulation_(accumulation_steps(options), options.gradient_accumulation) {
  apply_log_level();
  const auto environment = launcher::read_worker_environment();
  TORCH_CHECK(environment.ok(), std::string(environment.status().message()));
  const launcher::WorkerEnvironment worker = environment->value_or(launcher::WorkerEnvironment{});
  TORCH_CHECK(strategy.multi_process || worker.world_size == 1, "the strategy ", strategy.name,
              " is for one process, but this run has ", worker.world_size, "; use multi_",
              strategy.name, ", or start one process");
  process_ = make_process_info(worker, strategy.device);
  apply_gpu_options(options.gpu);
  communicator_ = Communicator::world(worker, process_, options.process_group);
  check_gradient_options(options.gradients);
  if (precision.loss_scaled) loss_scale_.emplace(options.loss_scale, process_.device);
  optimizer_steps_ = OptimizerSteps(loss_scale());
}

std::shared_ptr<OptimizerState> Session::add_optimizer(torch::optim::Optimizer& optimizer) {
  return optimizer_steps_.add(optimizer);
}

std::shared_ptr<ScheduleProgress> Session::add_schedule(std::function<void()> advance) {
  auto progress = std::make_shared<ScheduleProgress>(ScheduleProgress{std::move(advance)});
  std::erase_if(schedules_, [](const auto& schedule) { return schedule.expired(); });
  schedules_.push_back(progress);
  return progress;
}

internal::LiveList<ScheduleProgress> Session::schedules() const {
  return internal::live(schedules_);
}

std::shared_ptr<const void> Session::add_other(const void* object, const char* kind) {
  std::erase_if(others_, [](const Other& other) { return other.token.expired(); });
  for (const Other& other : others_) {
    TORCH_CHECK(other.object != object, "this ", kind,
                " was prepared before; use the handle that prepare() returned then");
  }
  auto token = std::make_shared<char>();
  others_.push_back({object, token});
  return token;
}

uint64_t Session::draw_seed() {
  at::Tensor seed =
      at::randint(std::numeric_limits<int32_t>::max(), {1}, at::kLong).to(process_.device);
  communicator_->broadcast(seed, 0);
  return static_cast<uint64_t>(seed.item<int64_t>());
}

void Session::before_forward(ModelState& model) {
  TORCH_CHECK(!model.is_released, "the model `", model.module->name(),
              "` was released; prepare() it again, or call the module itself");
  model.was_called = true;
  if (!model.has_buffers || communicator_->size() == 1) return;
  in_each_replay(
      "forward of a model",
      [](ModelState* model) { model->was_called_in_training |= model->module->is_training(); },
      &model);
}

void Session::trigger_sync(ModelState& model) {
  in_each_replay(
      "trigger_sync_in_backward", [](ModelState* model) { model->trigger_sync = true; }, &model);
}

std::optional<Autocast> Session::autocast() const {
  if (!precision_.autocast) return std::nullopt;
  return std::optional<Autocast>(std::in_place, process_.device.type(), *precision_.autocast);
}

std::optional<Autocast> Session::program_autocast() {
  program_autocasts_ = true;
  return autocast();
}

void Session::backward(const at::Tensor& loss, const BackwardOptions& options) {
  TORCH_CHECK(loss.numel() == 1, "backward: the loss has ", loss.numel(),
              " elements; reduce it to one number first, for example with mean()");
  at::Tensor scaled = loss;
  if (loss_scale_) {
    in_each_replay("update of the loss scale", [this] { optimizer_steps_.settle_loss_scale(); });
    scaled = loss_scale_->apply(loss);
  }
  if (accumulation_.loss_factor() != 1) scaled = scaled * accumulation_.loss_factor();
  in_each_replay("begin of a backward pass", [this] { begin_backward(); });
  try {
    scaled.backward({}, options.retain_graph || options.create_graph, options.create_graph);
  } catch (...) {
    abandon_backward();
    throw;
  }
  const bool keeps_graph = options.retain_graph || options.create_graph;
  in_each_replay("end of a backward pass", [this, keeps_graph] { end_backward(keeps_graph); });
}

void Session::abandon_backward() {
  for (const auto& model : models()) {
    if (model->reducer) model->reducer->abandon();
  }
}

bool Session::is_averaging() const {
  const auto models = this->models();
  return std::any_of(models.begin(), models.end(), [](const auto& model) {
    return model->reducer && model->reducer->is_under_way();
  });
}

void Session::begin_backward() {
  if (accumulation_.is_left_open()) end_left_window();
  drop_unreachable_models();
  optimizer_steps_.before_backward();
  const auto models = this->models();
  // Of no model on one process, which has nothing to average.
  syncing_.assign(communicator_->size() > 1 ? models.size() : 0, false);
  int trainable_models = 0;
  for (size_t i = 0; i < syncing_.size(); ++i) {
    ModelState& model = *models[i];
    refresh(model);
    model.reducer->restore_hooks();
    trainable_models += !model.reducer->empty();
    syncing_[i] = model.no_sync_depth == 0 || model.trigger_sync;
    if (syncing_[i]) model.trigger_sync = false;
  }
  if (joining_ && any_syncs()) {
    announce(/*has_data=*/true, syncing_);
    ++joined_steps_;
  }
  for (size_t i = 0; i < syncing_.size(); ++i) {
    // With one model, what is sent when depends on nothing but its buckets.
    if (syncing_[i]) models[i]->reducer->begin(/*eager=*/trainable_models == 1);
  }
}

void Session::end_backward(bool keeps_graph) {
  const auto models = this->models();
  if (any_syncs()) average(models, syncing_, /*contributes=*/true);
  // The graph may have saved them for another backward pass.
  if (!keeps_graph) make_buffers_equal();
  accumulation_.after_backward();
  for (const auto& model : models) {
    if (model->is_new && has_gradient(*model)) look_at_new_model(*model);
  }
}

void Session::end_left_window() {
  accumulation_.restart();
  for (const LeftZeroGrad& each : std::exchange(left_zero_grads_, {})) {
    if (const auto optimizer = each.optimizer.lock()) zero_grad(*optimizer, each.set_to_none);
  }
}

bool Session::any_syncs() const {
  return std::any_of(syncing_.begin(), syncing_.end(), [](bool syncs) { return syncs; });
}

void Session::average(const internal::LiveList<ModelState>& models,
                      const std::vector<bool>& syncing, bool contributes) {
  std::vector<bool> touched = syncing;
  if (models.size() > 1) {
    // Ranks that went through different models must still send the same.
    std::vector<int64_t> flags;
    for (size_t i = 0; i < models.size(); ++i) {
      const ModelState& model = *models[i];
      const bool took_part = model.reducer->empty() ? model.was_called_in_training
                                                    : model.reducer->has_local_gradients();
      flags.push_back(contributes && syncing[i] && took_part);
    }
    flags = all_reduce_numbers(flags, ReduceOp::kMax);
    for (size_t i = 0; i < models.size(); ++i) touched[i] = flags[i] != 0;
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (!models[i]->reducer) continue;
    if (!touched[i]) {
      models[i]->reducer->abandon();
    } else if (contributes) {
      models[i]->reducer->finish();
    } else {
      models[i]->reducer->shadow();
    }
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (touched[i] && contributes) models[i]->buffers_stale = models[i]->has_buffers;
  }
}

// Not in a forward pass, so that all ranks evaluate one model, and one of them may do so alone.
void Session::make_buffers_equal() {
  // In a join rank 0 may have no data left; the buffers follow at its end.
  if (joining_) return;
  for (const auto& model : models()) {
    if (!model->buffers_stale) continue;
    broadcast_buffers(*communicator_, *model->module, /*root=*/0);
    model->buffers_stale = model->was_called_in_training = false;
  }
}

std::vector<int64_t> Session::all_reduce_numbers(const std::vector<int64_t>& numbers, ReduceOp op) {
  at::Tensor carried = at::tensor(numbers, at::kLong).to(process_.device);
  communicator_->all_reduce(carried, op);
  carried = carried.cpu();
  const auto* first = carried.const_data_ptr<int64_t>();
  return {first, first + carried.numel()};
}

void Session::check_averaged(OptimizerState& optimizer) const {
  if (communicator_->size() == 1) return;
  const auto models = this->models();
  for (const auto& group : optimizer.optimizer->param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      if (!parameter.grad().defined()) continue;
      bool known = false;
      for (const auto& model : models) {
        const GradientReducer* reducer = model->reducer.get();
        if (reducer == nullptr || !reducer->contains(parameter)) continue;
        known = true;
        // A program may replace a mean, but not do without one.
        const bool averaged =
            reducer->is_mean(parameter) || (!reducer->is_local(parameter) &&
                                            reducer->averagings() != optimizer.averagings[reducer]);
        TORCH_CHECK(averaged || model->no_sync_depth > 0,
                    "this step would use gradients that were not averaged over the processes; call "
                    "accelerator.backward(loss) in place of loss.backward(), and let the last "
                    "backward pass before a step be outside of no_sync()");
      }
      TORCH_CHECK(known, "this optimizer has a parameter of shape ", parameter.sizes(),
                  " that belongs to no prepared model, so that every process would train one of "
                  "its own; register it in a module, and prepare that");
    }
  }
  for (const auto& model : models) {
    if (model->reducer) optimizer.averagings[model->reducer.get()] = model->reducer->averagings();
  }
}

void Session::step(OptimizerState& optimizer) {
  if (!accumulation_.sync_gradients()) {
    if (accumulation_.is_left_open() && !std::exchange(warned_of_left_window_, true))
      TORCH_WARN(
          "a step outside of accumulate() does nothing while the window of "
          "gradient_accumulation_steps is not full; let it stand within the scope. After a loop "
          "that was left early, the next accelerator.backward() outside of accumulate() ends the "
          "window");
    return;
  }
  in_each_replay(
      "step of an optimizer",
      [this](const std::weak_ptr<OptimizerState>& weak) {
        const auto optimizer = still_there(weak);
        check_averaged(*optimizer);
        restore_layouts();
        make_buffers_equal();
        optimizer_steps_.step(*optimizer);
      },
      optimizer.weak_from_this());
}

void Session::restore_layouts() {
  for (const auto& model : models()) refresh(*model);
}

bool Session::in_scope() const {
  if (joining_) return true;
  for (const auto& model : models()) {
    if (model->no_sync_depth > 0 || model->trigger_sync) return true;
  }
  return false;
}

bool Session::all_agree(bool mine) {
  return communicator_->size() == 1 ? mine : all_reduce_numbers({mine}, ReduceOp::kMin)[0] != 0;
}

void Session::zero_grad(OptimizerState& optimizer, bool set_to_none) {
  if (accumulation_.holds_partial_sum()) {
    if (accumulation_.is_left_open())
      left_zero_grads_.push_back({optimizer.weak_from_this(), set_to_none});
    return;
  }
  if (set_to_none) {
    // LibTorch's own detaches each gradient first, which costs more than to let go of it.
    for (const auto& group : optimizer.optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        if (parameter.grad().defined()) parameter.mutable_grad().reset();
      }
    }
  } else {
    optimizer.optimizer->zero_grad(/*set_to_none=*/false);
  }
  in_each_replay(
      "zero_grad",
      [this](const std::weak_ptr<OptimizerState>& optimizer) {
        optimizer_steps_.after_zero_grad(*still_there(optimizer));
      },
      optimizer.weak_from_this());
}

void Session::begin_accumulation_step() {
  in_each_replay("accumulate", [this] {
    left_zero_grads_.clear();
    accumulation_.begin_step(batches_left());
  });
}

bool Session::should_stop() {
  if (internal::is_recording()) refuse_recording("whether the run should stop");
  if (!stop_agreement_) {
    take_stop_requests(SIGUSR1);
    take_stop_requests(SIGUSR2);
    take_stop_requests(SIGTERM);
    stop_agreement_.emplace(communicator_, process_.device);
  }
  return stop_agreement_->ask(stop_is_requested());
}

std::optional<int64_t> Session::batches_left() const {
  const auto loader = active_loaders_->current();
  return loader ? std::optional(loader->batches_left) : std::nullopt;
}

int64_t Session::count_for_metrics(int64_t gathered) const {
  const auto loader = active_loaders_->current();
  if (!loader || !loader->end_of_dataloader() || loader->remainder <= 0) return gathered;
  return std::min(gathered, loader->remainder);
}

at::Tensor Session::to_device(const at::Tensor& tensor) const {
  return !tensor.defined() || tensor.device() == process_.device ? tensor
                                                                 : tensor.to(process_.device);
}

namespace internal {

InTurn::InTurn(Communicator& communicator, bool first)
    : communicator_(communicator), first_(first), exceptions_(std::uncaught_exceptions()) {
  if (!first_) communicator_.barrier();
}

InTurn::~InTurn() noexcept(false) {
  if (first_ && std::uncaught_exceptions() == exceptions_) communicator_.barrier();
}

}  // namespace internal
}  // namespace accelerate
