// Operations on tensors across ranks, on top of the collectives: they check shapes, turn scalars
// into vectors of one element, and change nothing in place. All ranks must call them in the same
// order. An undefined tensor must be undefined on all ranks, and is returned unchanged. For numbers
// and strings on the host, see host_values.h.
//
//   const at::Tensor all = gather(communicator, predictions);       // [sum of rows, columns]
//   const at::Tensor mean = reduce(communicator, loss, ReduceOp::kMean, /*scale=*/1);
//
// Not for gradients: a GradientReducer averages those during the backward pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "accelerate/comm/communicator.h"

namespace accelerate {

struct PadOptions {
  int64_t dim = 0;
  double pad_value = 0;
  // Pads in front instead of behind.
  bool pad_first = false;
};

// Every rank's tensor, concatenated along dimension 0 in rank order, on every rank. Dimension 0 may
// differ between ranks; for any other difference every rank throws c10::Error with the shapes of
// all ranks.
at::Tensor gather(Communicator& communicator, const at::Tensor& tensor);

// Reduces element by element over the ranks and multiplies by `scale`.
at::Tensor reduce(Communicator& communicator, const at::Tensor& tensor, ReduceOp op, double scale);

// The root's tensor, on every rank; all ranks must pass one of the same shape and type.
at::Tensor broadcast(Communicator& communicator, const at::Tensor& tensor, int root);

// The tensor, padded along a dimension to the largest size on any rank. A tensor without that
// dimension is returned unchanged.
at::Tensor pad_across_processes(Communicator& communicator, const at::Tensor& tensor,
                                const PadOptions& options);

}  // namespace accelerate
