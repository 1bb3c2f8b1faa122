#include <cstdint>

#include "kernels/device/launch.h"
#include "kernels/norm/norm_chunk.h"
#include "kernels/norm/norm_cuda.h"

namespace accelerate::kernels {
namespace {

struct NormPolicy {
  int threads;
  // Of the block that adds up the sums of all others. One block has few loads under way, so that it
  // takes as many threads as there are.
  int final_threads;

  friend constexpr bool operator==(const NormPolicy&, const NormPolicy&) = default;
};

struct NormPolicies {
  constexpr NormPolicy operator()(int /*architecture*/) const {
    return {.threads = 256, .final_threads = 1024};
  }
};

// The same everywhere, because the bits of a sum depend on how many there are who add.
constexpr NormPolicy kPolicy = kEverywhere<NormPolicies>;

__device__ NormResult sum_of_warp(NormResult mine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const double sum = __shfl_down_sync(~0u, mine.sum, distance);
    const int32_t finite = __shfl_down_sync(~0u, mine.finite, distance);
    mine = mine + NormResult{sum, finite};
  }
  return mine;
}

// Of all threads of the block, in a fixed order; valid in the first of them.
template <int kBlockThreads>
__device__ NormResult sum_of_block(const NormResult& mine) {
  constexpr int kWarps = kBlockThreads / kWarp;
  __shared__ double sums[kWarps];
  __shared__ int32_t finites[kWarps];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const NormResult of_warp = sum_of_warp(mine);
  // The first warp may still be reading those of the chunk before.
  __syncthreads();
  if (lane == 0) {
    sums[warp] = of_warp.sum;
    finites[warp] = of_warp.finite;
  }
  __syncthreads();
  if (warp != 0) return {};
  return sum_of_warp(lane < kWarps ? NormResult{sums[lane], finites[lane]} : NormResult{});
}

// A sum for each chunk, so that it does not matter which block takes which.
__global__ void __launch_bounds__(kPolicy.threads)
    norm_kernel(const __grid_constant__ PieceTable<NormPiece> table, NormResult* of_chunks) {
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    const NormResult mine = norm_of_chunk(table.pieces[chunk.piece], chunk, this_worker());
    const NormResult all = sum_of_block<kPolicy.threads>(mine);
    if (threadIdx.x == 0) of_chunks[table.first_chunk + i] = all;
  }
}

__global__ void __launch_bounds__(kPolicy.final_threads)
    final_kernel(const NormResult* of_chunks, int64_t chunks, NormResult* result) {
  NormResult mine;
  for (int64_t i = threadIdx.x; i < chunks; i += kPolicy.final_threads) mine = mine + of_chunks[i];
  const NormResult all = sum_of_block<kPolicy.final_threads>(mine);
  if (threadIdx.x == 0) *result = all;
}

int64_t chunks_of_all(std::span<const NormPiece> pieces) {
  int64_t chunks = 0;
  for (const NormPiece& piece : pieces) chunks += chunks_of(piece.count);
  return chunks;
}

}  // namespace

int64_t norm_scratch_bytes(std::span<const NormPiece> pieces) {
  return chunks_of_all(pieces) * static_cast<int64_t>(sizeof(NormResult));
}

cudaError_t norm_cuda(std::span<const NormPiece> pieces, void* scratch, NormResult* result,
                      cudaStream_t stream) {
  auto* of_chunks = static_cast<NormResult*>(scratch);
  const cudaError_t error = launch_over<NormPolicies>(pieces, norm_kernel, stream, of_chunks);
  if (error != cudaSuccess) return error;
  return launch(final_kernel, 1, kPolicy.final_threads, stream, of_chunks, chunks_of_all(pieces),
                result);
}

}  // namespace accelerate::kernels
