// The mean of sparse gradients, such as those of an embedding of which a batch uses a few rows.
//
// Part of the GradientReducer; not for others.
#pragma once

#include "accelerate/comm/communicator.h"
#include "accelerate/layout/named_parameter.h"

namespace accelerate::internal {

// The mean over the ranks of a parameter's gradients, coalesced. Each rank's gradient is sparse, or
// undefined for zeros. Only existing rows travel: from each rank as many as the rank with the most
// has. Collective. Throws c10::Error if the gradients are sparse in different dimensions. For the
// CPU.
at::Tensor sparse_mean(Communicator& communicator, const NamedParameter& parameter,
                       const at::Tensor& gradient);

}  // namespace accelerate::internal
