#include "accelerate/engine/held_memory.h"

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <string>

#include "accelerate/optim/optimizer_registry.h"
#include "accelerate/sharding/cut_tensor.h"

namespace accelerate::internal {
namespace {

void add_optimizer(HeldTensors& held, torch::optim::Optimizer& optimizer,
                   const ModelSet::ParameterNames& names) {
  const RegisteredOptimizer* known = find_registered(optimizer);
  if (known == nullptr) return;
  for (const auto& [parameter, state] : optimizer.state()) {
    const auto name = names.find(static_cast<const c10::TensorImpl*>(parameter));
    for (const NamedArray& array : known->arrays(*state)) {
      held.add(MemoryKind::kOptimizer,
               c10::str(name == names.end() ? "(not of a model)" : name->second, ".", array.name),
               own_part(*array.tensor));
    }
  }
}

}  // namespace

MemoryUsage held_memory(const ModelSet& models, const OptimizerSteps& optimizers,
                        c10::Device device) {
  HeldTensors held(device);
  const ModelSet::ParameterNames names = models.parameter_names();
  const auto live = models.live();
  for (size_t i = 0; i < live.size(); ++i) {
    const auto& model = live[i];
    for (const NamedParameter& parameter : model->parameters) {
      // The gradient of another device may change in another thread.
      if (parameter.tensor.device() != device) continue;
      const std::string& name = names.at(parameter.tensor.unsafeGetTensorImpl());
      held.add(MemoryKind::kParameter, name, parameter.tensor);
      held.add(MemoryKind::kGradient, name + ".grad", own_part(parameter.tensor.grad()));
    }
    const std::string prefix = ModelSet::name_prefix(i);
    for (const auto& buffer : model->module->named_buffers())
      held.add(MemoryKind::kBuffer, prefix + buffer.key(), buffer.value());
  }
  for (const auto& optimizer : optimizers.live()) add_optimizer(held, *optimizer->optimizer, names);
  // After the gradients, which lie in some of it.
  int buckets = 0;
  for (const auto& model : live) {
    if (!model->sync) continue;
    for (const at::Tensor& memory : model->sync->travel_memory())
      held.add(MemoryKind::kBucket, c10::str("bucket ", buckets++), memory);
  }
  return held.usage();
}

}  // namespace accelerate::internal
