// Many tensors from one rank to all, with few messages: small models are all latency.
//
//   broadcast_tensors(communicator, net->parameters(), /*root=*/0);
//
// Not for one tensor, which Communicator::broadcast() sends without copies.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "accelerate/comm/communicator.h"

namespace accelerate {

// Writes the root's values to the tensors of all other ranks, in place and without a new version: a
// backward pass may still have saved the old values of a buffer, which it does not use in training,
// and which BatchNorm itself changes unseen as well. Tensors of any types, devices as the
// communicator takes them; the same shapes in the same order on all ranks. Undefined ones are
// passed over. Throws c10::Error where one is expanded, as its values then lie in one place.
// Collective.
void broadcast_tensors(Communicator& communicator, const std::vector<at::Tensor>& tensors,
                       int root);

}  // namespace accelerate
