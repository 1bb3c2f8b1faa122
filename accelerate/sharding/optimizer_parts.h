// The state of an optimizer for parameters that are cut over the ranks: for each parameter, the
// part that this rank steps. Between two steps state() holds tensors of the parameters' sizes that
// cannot be read (cut_tensor.h), so that nothing, such as torch::save(), mistakes a part for the
// whole; during a step it holds the parts.
//
//   const OpenedState opened = open_state(adamw, place_of, communicator);
//   adamw.step();                                 // of parameters that are parts, too
//   close_state(adamw, place_of, opened);
//
// A tensor that is whole, because it was loaded or made before the optimizer was prepared, is cut
// when the state is opened. A tensor that was cut differently, before a layer was unfrozen, is
// gathered and cut again. Not for optimizers that the library does not know.
//
// Part of the OptimizerSteps; not for others.
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

// For each part, the cut tensor in whose place it is.
using OpenedState = std::unordered_map<const c10::TensorImpl*, at::Tensor>;

// Call it while the parameters are whole. Collective if a tensor was cut differently. Throws
// c10::Error if a tensor of the state does not have its parameter's sizes.
OpenedState open_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                       Communicator& communicator);
// Call it when the parameters are whole again.
void close_state(torch::optim::Optimizer& optimizer, const PlaceOf& place_of,
                 const OpenedState& opened);

// The cut tensor that close_state() would make of a saved tensor of a parameter's state; its part
// is on the parameter's device.
at::Tensor cut_of_saved(const at::Tensor& saved, const at::Tensor& parameter,
                        const PartPlace& place, int rank);

}  // namespace accelerate::internal
