#include "accelerate/capture/gradient_observer.h"

#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <unordered_set>

#include "accelerate/libtorch/tested_version.h"
#include "accelerate/sharding/cut_tensor.h"

namespace accelerate {

bool has_values(const at::Tensor& gradient) {
  return gradient.defined() && gradient.has_storage() && !is_cut(gradient);
}

bool PlacedGradient::is_kept() const {
  const at::Tensor& now = parameter.grad();
  if (!now.defined() || !now.has_storage() ||
      now.storage().unsafeGetStorageImpl() != place.storage())
    return false;
  return now.use_count() > (gradient._unsafe_get_target() == now.unsafeGetTensorImpl() ? 2 : 1);
}

void PlacedGradient::bring_back() const {
  at::Tensor& now = parameter.mutable_grad();
  if (!now.defined() || now.storage().unsafeGetStorageImpl() == place.storage()) return;
  const at::Tensor there = place.tensor_there(now);
  if (!there.defined()) return;
  there.copy_(now);
  now = there;
}

GradientObserver::GradientObserver(const ModelSet& models, const OptimizerSteps& optimizers)
    : models_(models), optimizers_(optimizers), rates_(rates()) {
  std::unordered_set<const c10::TensorImpl*> seen;
  const auto add = [&](const at::Tensor& parameter) {
    if (!seen.insert(parameter.unsafeGetTensorImpl()).second) return;
    parameters_.push_back(parameter);
    gradients_.emplace_back(parameter.grad().getIntrusivePtr());
  };
  for (const auto& model : models.live()) {
    for (const NamedParameter& parameter : model->parameters) add(parameter.tensor);
  }
  for (const auto& optimizer : optimizers.live()) {
    for (const auto& group : optimizer->optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) add(parameter);
    }
  }
}

std::function<void()> GradientObserver::changes() {
  struct Change {
    at::Tensor parameter;
    at::Tensor gradient;
  };
  std::vector<Change> changed;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (note(i)) changed.push_back({parameters_[i], parameters_[i].grad()});
  }
  if (changed.empty()) return nullptr;
  return [changed] {
    for (const Change& each : changed) {
      at::Tensor& gradient = each.parameter.mutable_grad();
      if (!gradient.is_same(each.gradient)) gradient = each.gradient;
    }
  };
}

std::vector<double> GradientObserver::rates() const {
  std::vector<double> rates;
  for (const auto& optimizer : optimizers_.live()) {
    for (const auto& group : optimizer->optimizer->param_groups()) {
      try {
        rates.push_back(group.options().get_lr());
      } catch (const c10::Error&) {
        // A program's own options, which have no rate.
      }
    }
  }
  return rates;
}

std::optional<std::string> GradientObserver::obstacle() {
  if (rates() == rates_) return std::nullopt;
  return "it sets the learning rate of an optimizer, which a replay would not do; prepare() a "
         "scheduler for it, or set it outside of the step";
}

std::function<void()> GradientObserver::after_work(std::vector<NamedMemory>& named) {
  rates_ = rates();
  PlacedGradients placed;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!note(i)) continue;
    const at::Tensor& gradient = parameters_[i].grad();
    if (!gradient.defined() || gradient.layout() != at::kStrided || is_cut(gradient)) continue;
    placed.push_back(std::make_shared<PlacedGradient>(PlacedGradient{
        parameters_[i], WeakTensor(gradient.getIntrusivePtr()), TensorPlace(gradient)}));
    named.push_back(name(i));
  }
  if (placed.empty()) return nullptr;
  placed_.insert(placed_.end(), placed.begin(), placed.end());
  return [placed] {
    for (const auto& each : placed) {
      if (each->is_needed) each->bring_back();
    }
  };
}

std::vector<c10::Storage> GradientObserver::gradients() const {
  std::vector<c10::Storage> storages;
  for (const at::Tensor& parameter : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    if (has_values(gradient)) storages.push_back(gradient.storage());
  }
  return storages;
}

NamedMemory GradientObserver::name(size_t i) const {
  return {c10::str("gradient ", i), parameters_[i].grad().storage().unsafeGetStorageImpl()};
}

bool GradientObserver::note(size_t i) {
  const at::Tensor& gradient = parameters_[i].grad();
  if (gradients_[i]._unsafe_get_target() == gradient.unsafeGetTensorImpl()) return false;
  gradients_[i] = WeakTensor(gradient.getIntrusivePtr());
  return true;
}

}  // namespace accelerate
