// Session's part of which models take part in training, and how their parameters lie.
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <unordered_set>
#include <utility>

#include "accelerate/core/orphans.h"
#include "accelerate/core/session.h"
#include "accelerate/gradients/model_agreement.h"

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

}  // namespace accelerate
