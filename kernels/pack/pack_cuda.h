// Copies arrays on a GPU to where they are wanted: multiplied, and as another type. A whole bucket
// takes one launch.
//
// Example:
//   // Gradients into a bucket of bfloat16, and back.
//   cudaError_t error = pack_cuda(to_bucket, ElementType::kBFloat16, stream);
//   // All-reduce on the same stream.
//   if (error == cudaSuccess) error = pack_cuda(from_bucket, ElementType::kFloat, stream);
//
// Not for arrays that overlap, unless they are one and the same.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/pack/pack.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

// What pack() does with each of the pieces, to the same bits but for those of a NaN, which stays a
// NaN. Addresses are of the current device. Does not wait and takes no memory; fit for capture.
cudaError_t pack_cuda(std::span<const PackPiece> pieces, ElementType destination_type,
                      cudaStream_t stream);

}  // namespace accelerate::kernels
