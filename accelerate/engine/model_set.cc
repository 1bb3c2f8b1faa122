#include "accelerate/engine/model_set.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "accelerate/comm/tensor_broadcast.h"
#include "accelerate/gradients/model_agreement.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/state/copy_values.h"

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

std::vector<at::Tensor> tensors_of(const torch::nn::Module& module) {
  std::vector<at::Tensor> tensors = module.parameters();
  for (const at::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  return tensors;
}

// The defined parameters and buffers of the models, each with its name in the state.
template <class Models, class Function>
void for_each_tensor(const Models& models, Function&& function) {
  for (size_t i = 0; i < models.size(); ++i) {
    const auto visit = [&](const auto& items) {
      for (const auto& item : items)
        if (item.value().defined()) function(c10::str(i, ".", item.key()), item.value());
    };
    visit(models[i]->module->named_parameters());
    visit(models[i]->module->named_buffers());
  }
}

// Before anything is sent, and by name.
void check_can_be_made_equal(const torch::nn::Module& module) {
  const auto check = [](const auto& items) {
    for (const auto& item : items) {
      if (!item.value().defined()) continue;
      check_can_be_written(item.value(), c10::str("`", item.key(), "` of the model"));
    }
  };
  check(module.named_parameters());
  check(module.named_buffers());
}

}  // namespace

ModelSet::ModelSet(Communicator& communicator, c10::Device device, const PrecisionTraits& precision,
                   const StrategyParts& strategy)
    : communicator_(communicator), device_(device), precision_(precision), strategy_(strategy) {}

std::shared_ptr<ModelState> ModelSet::add(const std::shared_ptr<torch::nn::Module>& module,
                                          bool owned) {
  TORCH_CHECK(module != nullptr,
              "prepare(): a shared_ptr to a model is empty; make the model first");
  // A module whose handle is gone may be prepared anew.
  std::erase_if(owned_models_, [&module](const auto& model) {
    return model->module == module && model.use_count() == 1;
  });
  drop_unreachable();
  for (const auto& model : live()) {
    TORCH_CHECK(model->module != module, "the model `", module->name(),
                "` was prepared before; use the handle that prepare() returned then");
  }
  module->to(device_);
  if (communicator_.size() > 1) check_can_be_made_equal(*module);
  check_models_agree(communicator_, *module);
  make_equal(*module);

  auto state = std::make_shared<ModelState>();
  state->module = module;
  state->parameters = distinct_parameters(*module);
  state->has_buffers = !module->buffers().empty();
  lay_out(*state);
  models_.push_back(state);
  if (owned) owned_models_.push_back(state);
  return state;
}

void ModelSet::drop_unreachable() {
  std::erase_if(owned_models_, [](const auto& model) {
    return model.use_count() == 1 && model->module.use_count() == 1;
  });
  std::erase_if(models_, [](const auto& model) { return model.expired(); });
}

void ModelSet::make_equal(const torch::nn::Module& module) {
  broadcast_tensors(communicator_, tensors_of(module), /*root=*/0);
  // Within a scope of the program's own, casts of the weights of before may be there.
  at::autocast::clear_cache();
}

void ModelSet::release(ModelState& model) {
  const auto is_it = [&model](const auto& known) { return known.get() == &model; };
  std::erase_if(models_, [&](const auto& known) { return is_it(known.lock()); });
  model.is_released = true;
  model.sync.reset();
  model.store.reset();
  std::erase_if(owned_models_, is_it);
}

void ModelSet::lay_out(ModelState& model) {
  std::unordered_set<const c10::TensorImpl*> taken, own;
  for (const NamedParameter& parameter : model.parameters)
    own.insert(parameter.tensor.unsafeGetTensorImpl());
  model.shared_with.clear();
  for (const auto& other : live()) {
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
    const bool used = tensor.requires_grad() || (model.sync && model.sync->is_synced(tensor));
    if (used && !taken.contains(tensor.unsafeGetTensorImpl())) trainable.push_back(parameter);
  }
  const GradientNotes notes = model.sync ? model.sync->notes() : GradientNotes();
  // The old ones first: parameters that lie in their memory are not to look shared.
  model.sync.reset();
  model.store.reset();
  model.store = strategy_.make_parameter_store(std::move(trainable));
  if (syncs()) model.sync = strategy_.make_gradient_sync(*model.store, notes);
}

void ModelSet::restore_layout(ModelState& model) {
  // One that was frozen keeps its place, so that ranks of which only some freeze it find out.
  bool has_changed = false;
  for (size_t i = 0; i < model.parameters.size(); ++i)
    has_changed =
        has_changed || (model.parameters[i].tensor.requires_grad() && !model.trainable[i]);
  for (const auto& other : model.shared_with) {
    const auto alive = other.lock();
    has_changed = has_changed || !alive || alive->is_released;
  }
  if (has_changed || !model.store->restore()) lay_out(model);
}

void ModelSet::restore_layout() {
  for (const auto& model : live()) restore_layout(*model);
}

void ModelSet::gather_parameters() {
  for (const auto& model : live()) model->store->gather();
}

void ModelSet::release_parameters() {
  for (const auto& model : live()) model->store->release();
}

const PartPlace* ModelSet::place_of(const at::Tensor& parameter) const {
  for (const auto& model : live()) {
    if (const PartPlace* place = model->store->place_of(parameter)) return place;
  }
  return nullptr;
}

void ModelSet::update(const std::vector<at::Tensor>& stepped, const std::function<void()>& step) {
  const auto models = live();
  const auto end = [&models](bool is_complete) {
    for (const auto& model : models) model->store->end_update(is_complete);
  };
  try {
    for (const auto& model : models) model->store->begin_update(stepped);
    step();
  } catch (...) {
    end(/*is_complete=*/false);
    throw;
  }
  end(/*is_complete=*/true);
}

at::Tensor ModelSet::whole_gradient(const at::Tensor& parameter) const {
  for (const auto& model : live()) {
    if (!model->sync || model->sync->may_step(parameter, 0) == StepRight::kNotMine) continue;
    if (is_cut(parameter.grad())) refuse_recording("the whole gradient of a parameter");
    return model->sync->whole_gradient(parameter);
  }
  return parameter.grad();
}

internal::LiveList<ModelState> ModelSet::live() const { return internal::live(models_); }

void ModelSet::before_forward(ModelState& model) {
  TORCH_CHECK(!model.is_released, "the model `", model.module->name(),
              "` was released; prepare() it again, or call the module itself");
  model.was_called = true;
  model.store->gather();
  if (!model.has_buffers || !model.sync) return;
  in_each_replay(
      "forward of a model",
      [](ModelState* model) { model->was_called_in_training |= model->module->is_training(); },
      &model);
}

std::optional<Autocast> ModelSet::autocast() const {
  if (!precision_.autocast) return std::nullopt;
  return std::optional<Autocast>(std::in_place, device_.type(), *precision_.autocast);
}

void ModelSet::trigger_sync(ModelState& model) {
  in_each_replay(
      "trigger_sync_in_backward", [](ModelState* model) { model->trigger_sync = true; }, &model);
}

bool ModelSet::in_scope() const {
  const auto models = live();
  return std::any_of(models.begin(), models.end(), [](const auto& model) {
    return model->no_sync_depth > 0 || model->trigger_sync;
  });
}

void ModelSet::sync_gradients(const internal::LiveList<ModelState>& models,
                              const std::vector<bool>& syncing, bool contributes) {
  std::vector<bool> touched = syncing, moved = syncing;
  // As in BackwardPass::begin(): what one model sends by itself while the pass is under way must
  // not wait for an answer of ranks that have nothing to send.
  const auto trainable = std::count_if(models.begin(), models.end(), [](const auto& model) {
    return model->sync && !model->sync->empty();
  });
  if (trainable > 1) {
    // Ranks that went through different models must still send the same. Buffers move in a forward
    // pass, whether or not it leads to gradients.
    std::vector<int64_t> flags;
    for (size_t i = 0; i < models.size(); ++i) {
      const ModelState& model = *models[i];
      const bool takes_part = contributes && syncing[i];
      flags.push_back(takes_part && !model.sync->empty() && model.sync->has_local_gradients());
      flags.push_back(takes_part && model.was_called_in_training);
    }
    flags = communicator_.all_reduce_numbers(flags, ReduceOp::kMax);
    for (size_t i = 0; i < models.size(); ++i) {
      touched[i] = flags[2 * i] != 0;
      moved[i] = touched[i] || flags[2 * i + 1] != 0;
    }
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (!models[i]->sync) continue;
    if (!touched[i]) {
      models[i]->sync->abandon();
    } else if (contributes) {
      models[i]->sync->finish();
    } else {
      models[i]->sync->shadow();
    }
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (moved[i] && contributes) models[i]->buffers_stale = models[i]->has_buffers;
  }
}

void ModelSet::make_buffers_equal() {
  for (const auto& model : live()) {
    if (!model->buffers_stale) continue;
    broadcast_tensors(communicator_, model->module->buffers(), /*root=*/0);
    model->buffers_stale = model->was_called_in_training = false;
  }
}

void ModelSet::make_all_buffers_equal() {
  for (const auto& model : live()) model->buffers_stale = model->has_buffers && syncs();
  make_buffers_equal();
}

void ModelSet::drop_gradients() {
  for (const auto& model : live()) {
    for (const NamedParameter& parameter : model->parameters)
      parameter.tensor.mutable_grad().reset();
  }
}

void ModelSet::abandon_sync() {
  for (const auto& model : live()) {
    if (model->sync) model->sync->abandon();
  }
}

bool ModelSet::is_syncing() const {
  const auto models = live();
  return std::any_of(models.begin(), models.end(),
                     [](const auto& model) { return model->sync && model->sync->is_under_way(); });
}

void ModelSet::settle_sync() {
  for (const auto& model : live()) {
    if (model->sync) model->sync->settle();
  }
}

std::string ModelSet::name_prefix(size_t model) {
  return model == 0 ? "" : c10::str("model_", model, "/");
}

ModelSet::ParameterNames ModelSet::parameter_names() const {
  ParameterNames names;
  const auto models = live();
  for (size_t i = 0; i < models.size(); ++i) {
    const std::string prefix = name_prefix(i);
    for (const NamedParameter& parameter : models[i]->parameters)
      names.emplace(parameter.tensor.unsafeGetTensorImpl(), prefix + parameter.name);
  }
  return names;
}

std::vector<const void*> ModelSet::addresses() const {
  std::vector<const void*> result;
  for (const auto& model : live()) {
    for (const NamedParameter& parameter : model->parameters)
      result.push_back(parameter.tensor.const_data_ptr());
    if (!model->has_buffers) continue;
    for (const at::Tensor& buffer : model->module->buffers()) {
      const bool has_memory = buffer.defined() && buffer.layout() == at::kStrided;
      result.push_back(has_memory ? buffer.const_data_ptr() : nullptr);
    }
  }
  return result;
}

State ModelSet::save() {
  State state;
  for_each_tensor(live(), [&state](const std::string& name, const at::Tensor& tensor) {
    TORCH_CHECK(tensor.layout() == at::kStrided, "`", name,
                "` of the models is a sparse tensor, which no checkpoint can hold; register its "
                "indices and values as buffers, and make it of them in forward()");
    state.set(name, tensor.detach());
  });
  return state;
}

void ModelSet::load(const State& state) {
  c10::AutoGradMode no_grad(false);
  at::autocast::clear_cache();
  const auto models = live();
  size_t count = 0;
  const auto check = [&](const std::string& name, const at::Tensor& tensor) {
    const at::Tensor& saved = state.tensor(name);
    TORCH_CHECK(saved.sizes() == tensor.sizes() && saved.scalar_type() == tensor.scalar_type(), "`",
                name, "` of the state is ", saved.scalar_type(), " of the sizes ", saved.sizes(),
                ", and that of the model ", tensor.scalar_type(), " of ", tensor.sizes(),
                "; load the state of the same model");
    ++count;
  };
  for_each_tensor(models, check);
  TORCH_CHECK(state.values().size() == count, "the state has ", state.values().size(),
              " parameters and buffers, and the models that were prepared have ", count,
              "; load the state of the same models");
  for_each_tensor(models, [&state](const std::string& name, const at::Tensor& tensor) {
    const at::Tensor& saved = state.tensor(name);
    // A state that was received in place, or saved and not changed since.
    const bool is_there = saved.is_alias_of(tensor) && saved.strides() == tensor.strides() &&
                          saved.storage_offset() == tensor.storage_offset();
    if (!is_there) copy_values(tensor, saved);
  });
  for (const auto& model : models) model->buffers_stale = false;
}

std::function<void()> ModelSet::remember() {
  struct Gradient {
    at::Tensor parameter;
    at::Tensor gradient;
  };
  std::vector<std::pair<std::shared_ptr<ModelState>, bool>> models;
  std::vector<Gradient> gradients;
  for (const auto& model : live()) {
    models.emplace_back(model, model->is_new);
    for (const NamedParameter& parameter : model->parameters)
      gradients.push_back({parameter.tensor, parameter.tensor.grad()});
  }
  return [this, models, gradients] {
    abandon_sync();
    for (const Gradient& each : gradients) each.parameter.mutable_grad() = each.gradient;
    for (const auto& [model, is_new] : models) model->is_new = is_new;
  };
}

}  // namespace accelerate
