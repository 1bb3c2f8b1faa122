// What programs do with tensors across ranks, on top of the collectives: shapes are checked,
// scalars become vectors of one, and nothing is changed in place. All ranks call them, in the same
// order. An undefined tensor is one on all ranks and is returned as it is. For numbers and strings
// of the host there is host_values.h.
//
//   const at::Tensor all = gather(communicator, predictions);       // [sum of rows, columns]
//   const at::Tensor mean = reduce(communicator, loss, ReduceOp::kMean, /*scale=*/1);
//
// Not for gradients: a GradientReducer averages those while backward goes on.
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

// Every rank's tensor, concatenated along dimension 0 in rank order, on every rank. That dimension
// may differ between ranks; for another difference every rank throws c10::Error with all ranks'
// shapes.
at::Tensor gather(Communicator& communicator, const at::Tensor& tensor);

// Element by element over the ranks, times `scale`.
at::Tensor reduce(Communicator& communicator, const at::Tensor& tensor, ReduceOp op, double scale);

// The root's tensor, on every rank; all ranks pass one of the same shape and type.
at::Tensor broadcast(Communicator& communicator, const at::Tensor& tensor, int root);

// The tensor, padded along a dimension to the largest size that it has on any rank. A tensor
// without that dimension is returned as it is.
at::Tensor pad_across_processes(Communicator& communicator, const at::Tensor& tensor,
                                const PadOptions& options);

}  // namespace accelerate
