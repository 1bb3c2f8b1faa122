// What an optimizer keeps of parameters that are cut over the ranks: of each parameter the part
// that this rank steps. Between two steps state() holds tensors of the parameters' sizes that
// cannot be read (cut_tensor.h), so that nobody, such as torch::save(), takes a part for the whole;
// in a step it holds the parts.
//
//   const OpenedState opened = open_state(adamw, place_of, communicator);
//   adamw.step();                                 // of parameters that are parts, too
//   close_state(adamw, place_of, opened);
//
// What is whole, since it was loaded or made before the optimizer was prepared, is cut when it is
// opened; what was cut otherwise, before a layer was thawed, is put together and cut anew. Not for
// optimizers that the library does not know. Part of the OptimizerSteps; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <unordered_map>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/part_place.h"

namespace torch::optim {
class Optimizer;
}

namespace accelerate::internal {

// Null for a parameter that this rank steps whole.
using PlaceOf = std::function<const PartPlace*(const at::Tensor& parameter)>;

// By part, what stood for it.
using OpenedState = std::unordered_map<const c10::TensorImpl*, at::Tensor>;

// The parameters are whole. Collective where something was cut otherwise. Throws c10::Error where a
// tensor of the state is not of its parameter's sizes.
OpenedState open_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                       Communicator& communicator);
// The parameters are whole again.
void close_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                 const OpenedState& opened);

// What close_state() would leave of a saved tensor of a parameter's state, whose memory is the
// parameter's device's.
at::Tensor cut_of_saved(const at::Tensor& saved, const at::Tensor& parameter,
                        const PartPlace& place, int rank);

}  // namespace accelerate::internal
