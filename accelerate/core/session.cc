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
#include <unordered_set>

#include "accelerate/core/orphans.h"
#include "accelerate/gradients/model_agreement.h"
#include "accelerate/process/stop_request.h"
#include "accelerate/tape/recorded_call.h"

namespace accelerate {
namespace {

std::vector<NamedParameter> distinct_parameters(const torch::nn::Module& module) {
  std::vector<NamedParameter> result;
  std::unordered_set<const c10::TensorImpl*> seen;
  for (const auto& item : module.named_parameters()) {
    if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second) {
      result.push_back({item.key(), item.value()});
    }
  }
  return result;
}

bool has_gradient(const ModelState& model) {
  for (const NamedParameter& parameter : model.parameters) {
    if (parameter.tensor.grad().defined()) return true;
  }
  return false;
}

}  // namespace

Session::Session(const StrategyTraits& strategy, const PrecisionTraits& precision,
                 const AcceleratorOptions& options)
    : options_(options),
      precision_(precision),
      optimizer_steps_(nullptr),
      accumulation_(options.gradient_accumulation_steps, options.gradient_accumulation) {
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

std::shared_ptr<ModelState> Session::add_model(const std::shared_ptr<torch::nn::Module>& module,
                                               bool owned) {
  // A module whose handle is gone may be prepared anew.
  std::erase_if(owned_models_, [&module](const auto& model) {
    return model->module == module && model.use_count() == 1;
  });
  drop_unreachable_models();
  for (const auto& model : models()) {
    TORCH_CHECK(model->module != module, "the model `", module->name(),
                "` was prepared before; use the handle that prepare() returned then");
  }
  module->to(process_.device);
  check_models_agree(*communicator_, *module);
  broadcast_parameters_and_buffers(*communicator_, *module, /*root=*/0);

  auto state = std::make_shared<ModelState>();
  state->module = module;
  state->parameters = distinct_parameters(*module);
  state->has_buffers = !module->buffers().empty();
  lay_out(*state);
  models_.push_back(state);
  if (owned) owned_models_.push_back(state);
  return state;
}

void Session::drop_unreachable_models() {
  std::erase_if(owned_models_, [](const auto& model) {
    return model.use_count() == 1 && model->module.use_count() == 1;
  });
  std::erase_if(models_, [](const auto& model) { return model.expired(); });
}

void Session::release(ModelState& model) {
  const auto is_it = [&model](const auto& known) { return known.get() == &model; };
  std::erase_if(models_, [&](const auto& known) { return is_it(known.lock()); });
  model.is_released = true;
  model.reducer.reset();
  model.flat.reset();
  std::erase_if(owned_models_, is_it);
}

void Session::lay_out(ModelState& model) {
  std::unordered_set<const c10::TensorImpl*> taken, own;
  for (const NamedParameter& parameter : model.parameters)
    own.insert(parameter.tensor.unsafeGetTensorImpl());
  model.shared_with.clear();
  for (const auto& other : models()) {
    if (other.get() == &model) break;
    bool shares = false;
    for (const NamedParameter& parameter : other->parameters) {
      taken.insert(parameter.tensor.unsafeGetTensorImpl());
      shares = shares || own.contains(parameter.tensor.unsafeGetTensorImpl());
    }
    if (shares) model.shared_with.push_back(other);
  }
  model.trainable.clear();
  std::vector<NamedParameter> trainable;
  for (const NamedParameter& parameter : model.parameters) {
    const at::Tensor& tensor = parameter.tensor;
    model.trainable.push_back(tensor.requires_grad());
    // Of one that is frozen, a mean may still be used; what two models share is the first one's.
    const bool used = tensor.requires_grad() || (model.reducer && model.reducer->is_mean(tensor));
    if (used && !taken.contains(tensor.unsafeGetTensorImpl())) trainable.push_back(parameter);
  }
  const GradientNotes notes = model.reducer ? model.reducer->notes() : GradientNotes();
  // The old ones first: parameters that lie in their memory are not to look shared.
  model.reducer.reset();
  model.flat.reset();
  model.flat = std::make_unique<FlatParameters>(std::move(trainable));
  if (communicator_->size() > 1) {
    model.reducer = std::make_unique<GradientReducer>(*communicator_, model.flat->parameters(),
                                                      options_.gradients, notes);
  }
}

void Session::refresh(ModelState& model) {
  // One that was frozen keeps its place, so that ranks of which only some freeze it find out.
  bool has_changed = false;
  for (size_t i = 0; i < model.parameters.size(); ++i)
    has_changed =
        has_changed || (model.parameters[i].tensor.requires_grad() && !model.trainable[i]);
  for (const auto& other : model.shared_with) {
    const auto alive = other.lock();
    has_changed = has_changed || !alive || alive->is_released;
  }
  if (has_changed || !model.flat->restore()) lay_out(model);
}

internal::LiveList<ModelState> Session::models() const { return internal::live(models_); }

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
    in_each_replay("update of the loss scale", [this] {
      if (!optimizer_steps_.awaits_step()) loss_scale_->settle();
    });
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
  in_each_replay("end of a backward pass", [this] { end_backward(); });
}

void Session::abandon_backward() {
  for (const auto& model : models()) {
    if (model->reducer) model->reducer->abandon();
  }
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

void Session::end_backward() {
  const auto models = this->models();
  if (any_syncs()) average(models, syncing_, /*contributes=*/true);
  accumulation_.after_backward();
  for (const auto& model : models) {
    if (model->is_new && has_gradient(*model)) look_at_new_model(*model);
  }
}

void Session::look_at_new_model(ModelState& model) {
  model.is_new = false;
  warn_about_orphans(model, optimizer_steps_.optimizers());
  if (!precision_.autocast || program_autocasts_ || model.was_called) return;
  // It may be a part of another one that was.
  std::unordered_set<const c10::TensorImpl*> called;
  for (const auto& other : models()) {
    if (!other->was_called) continue;
    for (const NamedParameter& parameter : other->parameters)
      called.insert(parameter.tensor.unsafeGetTensorImpl());
  }
  for (const NamedParameter& parameter : model.parameters) {
    if (!parameter.tensor.grad().defined() ||
        called.contains(parameter.tensor.unsafeGetTensorImpl()))
      continue;
    TORCH_WARN("the model `", model.module->name(),
               "` is trained in fp32, although the program's "
               "precision is ",
               precision_.name,
               ": it was called as the module itself, and not "
               "through the handle of prepare(). Write model(x) in place of model->forward(x) or "
               "net(x), or open a scope with accelerator.autocast()");
    return;
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
  // Here, and not in a forward pass, so that all ranks evaluate one model, and one of them may do
  // so alone. In a join rank 0 may have no data left; the buffers follow at its end.
  for (size_t i = 0; i < models.size() && !joining_; ++i) {
    if (!touched[i] || !models[i]->has_buffers) continue;
    broadcast_buffers(*communicator_, *models[i]->module, /*root=*/0);
    models[i]->was_called_in_training = false;
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
      [this](OptimizerState* optimizer) {
        check_averaged(*optimizer);
        restore_layouts();
        optimizer_steps_.step(*optimizer);
      },
      &optimizer);
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
      [this](OptimizerState* optimizer) { optimizer_steps_.after_zero_grad(*optimizer); },
      &optimizer);
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
