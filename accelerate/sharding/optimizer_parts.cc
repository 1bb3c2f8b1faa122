#include "accelerate/sharding/optimizer_parts.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>

#include <optional>
#include <vector>

#include "accelerate/optim/optimizer_registry.h"
#include "accelerate/sharding/cut_tensor.h"
#include "accelerate/sharding/parts.h"

namespace accelerate {
namespace {

using internal::NamedArray;

// The tensors that are kept of a parameter.
std::vector<NamedArray> arrays_of(torch::optim::Optimizer& optimizer,
                                  const internal::RegisteredOptimizer& known,
                                  const at::Tensor& parameter) {
  const auto state = optimizer.state().find(parameter.unsafeGetTensorImpl());
  if (state == optimizer.state().end()) return {};
  std::vector<NamedArray> arrays = known.arrays(*state->second);
  std::erase_if(arrays, [](const NamedArray& array) { return !array.tensor->defined(); });
  return arrays;
}

}  // namespace

void OptimizerParts::cut(torch::optim::Optimizer& optimizer, const PlaceOf& place_of) {
  const internal::RegisteredOptimizer* known = internal::find_registered(optimizer);
  if (known == nullptr) return;
  c10::AutoGradMode no_grad(false);
  for (const auto& group : optimizer.param_groups()) {
    for (const at::Tensor& parameter : group.params()) {
      const c10::TensorImpl* key = parameter.unsafeGetTensorImpl();
      const auto before = places_.find(key);
      const PartPlace* place = place_of(parameter);
      const std::vector<NamedArray> arrays = arrays_of(optimizer, *known, parameter);
      if (before != places_.end() && (place == nullptr || before->second != *place)) {
        for (const NamedArray& array : arrays) {
          // One of other dimensions was loaded whole.
          if (array.tensor->dim() != 1) continue;
          *array.tensor =
              internal::gather_parts(communicator_, *array.tensor, parameter, before->second);
        }
        places_.erase(before);
      }
      if (place == nullptr) continue;
      const PartRange own = place->of_rank(communicator_.rank());
      places_.insert_or_assign(key, *place);
      for (const NamedArray& array : arrays) {
        at::Tensor& tensor = *array.tensor;
        if (tensor.dim() == 1 && tensor.numel() == own.size()) continue;
        TORCH_CHECK(tensor.sizes() == parameter.sizes(), "the optimizer keeps a tensor `",
                    array.name, "` of the sizes ", tensor.sizes(), " of a parameter of ",
                    parameter.sizes(), ", of which this process steps ", own.size(),
                    " elements; give it a state that was saved whole, or on this process of as "
                    "many");
        // Of its own memory, so that the rest is let go of.
        tensor = internal::part_of(tensor, parameter, own).clone();
      }
    }
  }
}

at::Tensor OptimizerParts::cut_tensor_of(const at::Tensor& array,
                                         const at::Tensor& parameter) const {
  const auto place = places_.find(parameter.unsafeGetTensorImpl());
  if (place == places_.end()) return array;
  return make_cut_tensor(parameter, array, place->second,
                         "a tensor of an optimizer's state is cut over the processes, and this one "
                         "has a part of it only; save_state() saves all of it");
}

}  // namespace accelerate
