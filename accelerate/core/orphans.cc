#include "accelerate/core/orphans.h"

#include <c10/util/Exception.h>
#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <string>
#include <unordered_map>

#include "accelerate/core/session.h"

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
  for (const NamedParameter& parameter : model.flat->parameters()) {
    count(parameter.tensor);
    // The reducer has a list of its own.
    if (model.reducer) count(parameter.tensor);
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

}  // namespace accelerate
