#include <cstdint>

#include "kernels/adam/adam_chunk.h"
#include "kernels/adam/adam_cuda.h"
#include "kernels/device/launch.h"

namespace accelerate::kernels {
namespace {

// A launch of its own, because the powers in it cost more than many elements.
__global__ void __launch_bounds__(kThreads)
    begin_kernel(const __grid_constant__ PieceTable<AdamPiece> table, const AdamOptions* groups,
                 AdamSlot* slots, const Step* step) {
  const int i = this_piece();
  if (i >= table.size) return;
  begin_adam(groups[table.pieces[i].group], *step, slots[table.pieces[i].slot]);
}

__global__ void __launch_bounds__(kThreads)
    adam_kernel(const __grid_constant__ PieceTable<AdamPiece> table, const AdamSlot* slots,
                const Step* step) {
  if (step->overflow != 0) return;
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    const AdamPiece& piece = table.pieces[chunk.piece];
    // Copied, because for all the compiler knows the arrays may change what lies there.
    const AdamScalars<float> scalars = slots[piece.slot].scalars;
    adam_chunk(scalars, piece, chunk, this_worker());
  }
}

}  // namespace

cudaError_t adam_cuda(std::span<const AdamPiece> pieces, const AdamOptions* groups, AdamSlot* slots,
                      const Step* step, cudaStream_t stream) {
  const cudaError_t error =
      launch_for_each_piece(pieces, begin_kernel, stream, groups, slots, step);
  if (error != cudaSuccess) return error;
  return launch_over(pieces, adam_kernel, stream, slots, step);
}

}  // namespace accelerate::kernels
