// Between a tensor that lies as a parameter does and the parts of it that the ranks have.
//
//   at::Tensor mine = part_of(momentum, parameter, place.of_rank(rank));
//   at::Tensor all = gather_parts(communicator, mine, parameter, place);   // momentum again
//
// Part of the sharded strategies; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/part_place.h"

namespace accelerate::internal {

// Those elements of a tensor of the parameter's sizes, in the order in which the parameter's lie:
// 1-D, in the tensor's own memory where that order is its own, and otherwise in a copy.
at::Tensor part_of(const at::Tensor& whole, const at::Tensor& parameter, const PartRange& range);

// The whole of all ranks' parts, of the parameter's sizes and dense strides and the part's type, in
// new memory. Collective.
at::Tensor gather_parts(Communicator& communicator, const at::Tensor& part,
                        const at::Tensor& parameter, const PartPlace& place);

}  // namespace accelerate::internal
