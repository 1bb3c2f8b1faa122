// Computes what gradient clipping and a loss scale need to know about the gradients on a GPU, in
// one read of them. The result remains on the device.
//
// Example:
//   // When the gradients are laid out:
//   cudaMalloc(&scratch, norm_scratch_bytes(pieces));
//   cudaMalloc(reinterpret_cast<void**>(&result), sizeof(NormResult));
//   // At each step:
//   const cudaError_t error = norm_cuda(pieces, scratch, result, stream);
//
// Not for two streams at a time with the same scratch memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>

#include "kernels/norm/norm_piece.h"

namespace accelerate::kernels {

int64_t norm_scratch_bytes(std::span<const NormPiece> pieces);

// The sum of the squares, in double, and whether no element is infinite or NaN. The bits of the
// result depend on the elements and on how the pieces are cut, not on addresses or the GPU. Does
// not wait or allocate memory, so it can be captured.
cudaError_t norm_cuda(std::span<const NormPiece> pieces, void* scratch, NormResult* result,
                      cudaStream_t stream);

}  // namespace accelerate::kernels
