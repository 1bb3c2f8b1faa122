#include "accelerate/core/model_set.h"

#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "accelerate/gradients/model_agreement.h"
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

}  // namespace

ModelSet::ModelSet(Communicator& communicator, c10::Device device, const PrecisionTraits& precision,
                   MakeGradientSync make_sync)
    : communicator_(communicator),
      device_(device),
      precision_(precision),
      make_sync_(std::move(make_sync)) {}

std::shared_ptr<ModelState> ModelSet::add(const std::shared_ptr<torch::nn::Module>& module,
                                          bool owned) {
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
  check_models_agree(communicator_, *module);
  broadcast_parameters_and_buffers(communicator_, *module, /*root=*/0);

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

void ModelSet::release(ModelState& model) {
  const auto is_it = [&model](const auto& known) { return known.get() == &model; };
  std::erase_if(models_, [&](const auto& known) { return is_it(known.lock()); });
  model.is_released = true;
  model.sync.reset();
  model.flat.reset();
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
  model.flat.reset();
  model.flat = std::make_unique<FlatParameters>(std::move(trainable));
  if (make_sync_) model.sync = make_sync_(model.flat->parameters(), notes);
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
  if (has_changed || !model.flat->restore()) lay_out(model);
}

void ModelSet::restore_layout() {
  for (const auto& model : live()) restore_layout(*model);
}

internal::LiveList<ModelState> ModelSet::live() const { return internal::live(models_); }

void ModelSet::before_forward(ModelState& model) {
  TORCH_CHECK(!model.is_released, "the model `", model.module->name(),
              "` was released; prepare() it again, or call the module itself");
  model.was_called = true;
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
  std::vector<bool> touched = syncing;
  if (models.size() > 1) {
    // Ranks that went through different models must still send the same.
    std::vector<int64_t> flags;
    for (size_t i = 0; i < models.size(); ++i) {
      const ModelState& model = *models[i];
      const bool took_part =
          model.sync->empty() ? model.was_called_in_training : model.sync->has_local_gradients();
      flags.push_back(contributes && syncing[i] && took_part);
    }
    flags = communicator_.all_reduce_numbers(flags, ReduceOp::kMax);
    for (size_t i = 0; i < models.size(); ++i) touched[i] = flags[i] != 0;
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
    if (touched[i] && contributes) models[i]->buffers_stale = models[i]->has_buffers;
  }
}

void ModelSet::make_buffers_equal() {
  for (const auto& model : live()) {
    if (!model->buffers_stale) continue;
    broadcast_buffers(communicator_, *model->module, /*root=*/0);
    model->buffers_stale = model->was_called_in_training = false;
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

}  // namespace accelerate
