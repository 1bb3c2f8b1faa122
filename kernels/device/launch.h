// Starts kernels whose blocks stride over chunks: as many blocks as the device holds at once.
//
// Example:
//   __global__ void __launch_bounds__(kThreads)
//       pack_kernel(const __grid_constant__ PieceTable<PackPiece> table, double factor) {
//     for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
//       const Chunk chunk = table.chunk(i);
//       pack_chunk<float>(table.pieces[chunk.piece], chunk, this_worker());
//     }
//   }
//
//   return launch_over(pieces, pack_kernel, stream, factor);
//
// For .cu sources only. Nothing here waits for the device or allocates, so that streams which are
// being captured into a graph take it.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/device/piece_table.h"
#include "kernels/device/vector.h"

namespace accelerate::kernels {

inline constexpr int kThreads = 256;

__device__ __forceinline__ Worker this_worker() {
  return {static_cast<int>(threadIdx.x), static_cast<int>(blockDim.x)};
}

// The piece of this thread, in a launch for each piece; may be past the last.
__device__ __forceinline__ int this_piece() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

// The error of this launch alone: cudaGetLastError() would return those of others as well.
template <class... Parameters>
cudaError_t launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads,
                   cudaStream_t stream, const std::type_identity_t<Parameters>&... parameters) {
  void* addresses[] = {const_cast<void*>(static_cast<const void*>(&parameters))...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), blocks, threads, addresses, 0,
                          stream);
}

// As many launches as the pieces fill tables, which is typically one, and none without elements.
template <class Piece, class... Parameters>
cudaError_t launch_over(std::type_identity_t<std::span<const Piece>> pieces,
                        void (*kernel)(PieceTable<Piece>, Parameters...), cudaStream_t stream,
                        const std::type_identity_t<Parameters>&... parameters) {
  int device = 0, processors = 0, blocks = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) {
    error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  }
  if (error == cudaSuccess) {
    error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, kThreads, 0);
  }
  PieceTable<Piece> table;
  while (error == cudaSuccess && !pieces.empty()) {
    pieces = table.fill(pieces);
    if (table.size == 0) break;
    const int64_t grid = std::min<int64_t>(table.chunk_count(), int64_t{processors} * blocks);
    error = launch(kernel, static_cast<unsigned>(grid), kThreads, stream, table, parameters...);
  }
  return error;
}

// The same with a thread for each piece.
template <class Piece, class... Parameters>
cudaError_t launch_for_each_piece(std::type_identity_t<std::span<const Piece>> pieces,
                                  void (*kernel)(PieceTable<Piece>, Parameters...),
                                  cudaStream_t stream,
                                  const std::type_identity_t<Parameters>&... parameters) {
  cudaError_t error = cudaSuccess;
  PieceTable<Piece> table;
  while (error == cudaSuccess && !pieces.empty()) {
    pieces = table.fill(pieces);
    if (table.size == 0) break;
    const unsigned blocks = (table.size + kThreads - 1) / kThreads;
    error = launch(kernel, blocks, kThreads, stream, table, parameters...);
  }
  return error;
}

}  // namespace accelerate::kernels
