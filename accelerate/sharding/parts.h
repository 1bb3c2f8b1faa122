// Conversion between a tensor with a parameter's layout and the parts of it that the ranks have.
//
//   at::Tensor mine = part_of(momentum, place, rank);
//   at::Tensor all = gather_parts(communicator, mine, momentum.sizes(), place);   // momentum again
//
// Part of the sharded strategies; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/part_place.h"

namespace accelerate::internal {

// A rank's elements of a tensor of the parameter's sizes, 1-D: in the tensor's own memory if its
// elements are stored in the order of the place, otherwise in a copy.
at::Tensor part_of(const at::Tensor& whole, const PartPlace& place, int rank);

// Gathers all ranks' parts into a whole tensor of these sizes, in the order of the place and with
// the part's type, in new memory. Collective.
at::Tensor gather_parts(Communicator& communicator, const at::Tensor& part, at::IntArrayRef sizes,
                        const PartPlace& place);

}  // namespace accelerate::internal
