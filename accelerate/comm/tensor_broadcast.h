// Sends many tensors from one rank to all with few messages, because latency dominates for small
// models.
//
//   broadcast_tensors(communicator, net->parameters(), /*root=*/0);
//
// Not for one tensor, which Communicator::broadcast() sends without copies.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>
#include <vector>

#include "accelerate/comm/communicator.h"

namespace accelerate {

// Writes the root's values to the tensors of all other ranks, in place and without a new autograd
// version: a backward pass may still have saved the old values of a buffer, which it does not use
// in training, and which BatchNorm itself also changes without a new version. Tensors may have any
// type, and devices that the communicator takes; shapes and order must be the same on all ranks.
// Skips undefined tensors. Throws c10::Error for an expanded tensor, because its elements share
// memory, and for a sparse one. Collective.
void broadcast_tensors(Communicator& communicator, const std::vector<at::Tensor>& tensors,
                       int root);

// Throws what broadcast_tensors() would throw for a tensor that it cannot write; `name` says whose
// it is, for example "`mask` of the model".
void check_can_be_written(const at::Tensor& tensor, std::string_view name);

}  // namespace accelerate
