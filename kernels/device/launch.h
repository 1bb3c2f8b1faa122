// Starts kernels whose blocks stride over chunks: as many blocks as the device holds at once.
//
// Example:
//   __global__ void __launch_bounds__(kHere<MemoryPolicies>.threads)
//       copy_kernel(const __grid_constant__ PieceTable<PackPiece> table) {
//     for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
//       const Chunk chunk = table.chunk(i);
//       pack_chunk<float>(table.pieces[chunk.piece], chunk, this_worker());
//     }
//   }
//   return launch_over<MemoryPolicies>(pieces, copy_kernel, stream);
//
// For .cu sources only. Nothing here waits for the device or allocates, so it also works on streams
// that are being captured into a graph.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/device/launch_policy.h"
#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"

namespace accelerate::kernels {

__device__ __forceinline__ Worker this_worker() {
  return {static_cast<int>(threadIdx.x), static_cast<int>(blockDim.x)};
}

// The index of this thread's piece, in launch_for_each_piece(); may be past the last piece.
__device__ __forceinline__ int this_piece() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

// Returns the error of this launch alone: cudaGetLastError() would return errors of others as well.
template <class... Parameters>
cudaError_t launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads,
                   cudaStream_t stream, const std::type_identity_t<Parameters>&... parameters) {
  void* addresses[] = {const_cast<void*>(static_cast<const void*>(&parameters))...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), blocks, threads, addresses, 0,
                          stream);
}

// The policy that the kernel was compiled with. The GPU's own architecture does not tell: a GPU of
// 8.9 also runs what was compiled for 8.0.
template <PolicySelector Selector>
cudaError_t policy_of(const void* kernel, auto& policy) {
  if constexpr (is_same_everywhere<Selector>()) {
    policy = kEverywhere<Selector>;
    return cudaSuccess;
  } else {
    cudaFuncAttributes attributes;
    const cudaError_t error = cudaFuncGetAttributes(&attributes, kernel);
    if (error == cudaSuccess) policy = Selector{}(attributes.ptxVersion);
    return error;
  }
}

// Launches the kernel once for each table that the pieces fill: typically once, and not at all if
// there are no elements.
template <PolicySelector Selector, class Piece, class... Parameters>
cudaError_t launch_over(std::type_identity_t<std::span<const Piece>> pieces,
                        void (*kernel)(PieceTable<Piece>, Parameters...), cudaStream_t stream,
                        const std::type_identity_t<Parameters>&... parameters) {
  int device = 0, processors = 0, blocks = 0;
  auto policy = kHere<Selector>;
  cudaError_t error = policy_of<Selector>(reinterpret_cast<const void*>(kernel), policy);
  if (error == cudaSuccess) error = cudaGetDevice(&device);
  if (error == cudaSuccess) {
    error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  }
  if (error == cudaSuccess) {
    error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, policy.threads, 0);
  }
  PieceTable<Piece> table;
  while (error == cudaSuccess && !pieces.empty()) {
    pieces = table.fill(pieces);
    if (table.size == 0) break;
    const int64_t grid = std::min<int64_t>(table.chunk_count(), int64_t{processors} * blocks);
    error =
        launch(kernel, static_cast<unsigned>(grid), policy.threads, stream, table, parameters...);
  }
  return error;
}

// The same with a thread for each piece.
template <PolicySelector Selector, class Piece, class... Parameters>
cudaError_t launch_for_each_piece(std::type_identity_t<std::span<const Piece>> pieces,
                                  void (*kernel)(PieceTable<Piece>, Parameters...),
                                  cudaStream_t stream,
                                  const std::type_identity_t<Parameters>&... parameters) {
  auto policy = kHere<Selector>;
  cudaError_t error = policy_of<Selector>(reinterpret_cast<const void*>(kernel), policy);
  PieceTable<Piece> table;
  while (error == cudaSuccess && !pieces.empty()) {
    pieces = table.fill(pieces);
    if (table.size == 0) break;
    const unsigned blocks = (table.size + policy.threads - 1) / policy.threads;
    error = launch(kernel, blocks, policy.threads, stream, table, parameters...);
  }
  return error;
}

}  // namespace accelerate::kernels
