// What an optimizer keeps of parameters that are cut over the ranks: of each parameter this rank
// has the part that it steps, 1-D, under the names that the whole would have. Whoever looks at
// state() finds these.
//
//   parts.cut(adamw, place_of);                      // before each step
//   parts.cut_tensor_of(*array.tensor, parameter);   // for a checkpoint
//
// What is whole, since it was loaded or made before the optimizer was prepared, is cut by the next
// step; what was cut otherwise, before a layer was thawed, is put together and cut anew. Not for
// optimizers that the library does not know.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <unordered_map>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/part_place.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate {

class OptimizerParts {
 public:
  // Null for a parameter that this rank steps whole.
  using PlaceOf = std::function<const PartPlace*(const at::Tensor& parameter)>;

  // The communicator outlives this.
  explicit OptimizerParts(Communicator& communicator) : communicator_(communicator) {}

  // Collective where something was cut otherwise. Throws c10::Error where a tensor of the state is
  // neither the whole nor the part.
  void cut(torch::optim::Optimizer& optimizer, const PlaceOf& place_of);
  // After cut(): a tensor of the state where the parameter is whole, and otherwise one of the
  // parameter's sizes that is cut (cut_tensor.h).
  at::Tensor cut_tensor_of(const at::Tensor& array, const at::Tensor& parameter) const;

 private:
  Communicator& communicator_;
  // As the state is cut at present.
  std::unordered_map<const c10::TensorImpl*, PartPlace> places_;
};

}  // namespace accelerate
