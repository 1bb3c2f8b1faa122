#include "accelerate/engine/new_model.h"

#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "accelerate/engine/model_set.h"
#include "accelerate/engine/optimizer_steps.h"

namespace accelerate {

void warn_about_orphans(const ModelState& model,
                        const internal::LiveList<OptimizerState>& optimizers) {
  // References that we know of, beside the one of the registration; a module's member is one more.
  std::unordered_map<const c10::TensorImpl*, size_t> known;
  for (const NamedParameter& parameter : model.parameters) {
    const bool unused = parameter.tensor.requires_grad() && !parameter.tensor.grad().defined();
    if (unused) known[parameter.tensor.unsafeGetTensorImpl()] = 1;
  }
  if (known.empty()) return;
  const auto count = [&known](const at::Tensor& tensor) {
    const auto found = known.find(tensor.unsafeGetTensorImpl());
    if (found != known.end()) ++found->second;
  };
  for (const NamedParameter& parameter : model.parameters) count(parameter.tensor);
  for (const NamedParameter& parameter : model.store->parameters()) {
    count(parameter.tensor);
    // What syncs them has a list of its own.
    if (model.sync) count(parameter.tensor);
  }
  for (const auto& optimizer : optimizers) {
    for (const auto& group : optimizer->optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) count(parameter);
    }
  }
  std::string names;
  for (const NamedParameter& parameter : model.parameters) {
    const auto found = known.find(parameter.tensor.unsafeGetTensorImpl());
    if (found != known.end() && parameter.tensor.use_count() <= found->second)
      names += (names.empty() ? "`" : ", `") + parameter.name + "`";
  }
  if (names.empty()) return;
  TORCH_WARN("the model `", model.module->name(),
             "` registers parameters that nothing uses: ", names,
             ". Was another tensor assigned to the member, as in `b->weight = a->weight`? Use "
             "a->weight itself in forward() instead, or freeze what is left over");
}

void warn_about_full_precision(const ModelState& model, const internal::LiveList<ModelState>& all,
                               const PrecisionTraits& precision) {
  if (!precision.autocast || model.was_called) return;
  std::unordered_set<const c10::TensorImpl*> called;
  for (const auto& other : all) {
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
               precision.name,
               ": the program called the module itself, not the "
               "handle that prepare() returned. Write model(x) instead of model->forward(x) or "
               "net(x), or open a scope with accelerator.autocast()");
    return;
  }
}

}  // namespace accelerate
