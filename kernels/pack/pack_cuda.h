// Copies arrays on a GPU, and can multiply and convert them on the way. A whole bucket takes one
// launch.
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

// Does what pack() does with each of the pieces. The bits are the same, except for those of a NaN,
// which remains a NaN. All addresses are on the current device. Does not wait or allocate memory,
// so it can be captured.
cudaError_t pack_cuda(std::span<const PackPiece> pieces, ElementType destination_type,
                      cudaStream_t stream);

}  // namespace accelerate::kernels
