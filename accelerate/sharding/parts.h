// Between a tensor that lies as a parameter does and the parts of it that the ranks have.
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

// A rank's elements of a tensor of the parameter's sizes: 1-D, in the tensor's own memory where its
// elements lie in the order of the place, and otherwise in a copy.
at::Tensor part_of(const at::Tensor& whole, const PartPlace& place, int rank);

// The whole of all ranks' parts, of these sizes, in the order of the place and of the part's type,
// in new memory. Collective.
at::Tensor gather_parts(Communicator& communicator, const at::Tensor& part, at::IntArrayRef sizes,
                        const PartPlace& place);

}  // namespace accelerate::internal
