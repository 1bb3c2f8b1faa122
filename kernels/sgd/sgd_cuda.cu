#include <cstdint>

#include "kernels/device/launch.h"
#include "kernels/sgd/sgd_chunk.h"
#include "kernels/sgd/sgd_cuda.h"

namespace accelerate::kernels {
namespace {

__global__ void __launch_bounds__(kThreads)
    begin_kernel(const __grid_constant__ PieceTable<SgdPiece> table, const SgdOptions* groups,
                 SgdSlot* slots, const Step* step) {
  const int i = this_piece();
  if (i >= table.size) return;
  const SgdPiece& piece = table.pieces[i];
  begin_sgd(groups[piece.group], *step, piece, slots[piece.slot]);
}

__global__ void __launch_bounds__(kThreads)
    sgd_kernel(const __grid_constant__ PieceTable<SgdPiece> table, const SgdSlot* slots,
               const Step* step) {
  if (step->overflow != 0) return;
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    const SgdPiece& piece = table.pieces[chunk.piece];
    const SgdScalars<float> scalars = slots[piece.slot].scalars;
    sgd_chunk(scalars, piece, chunk, this_worker());
  }
}

}  // namespace

cudaError_t sgd_cuda(std::span<const SgdPiece> pieces, const SgdOptions* groups, SgdSlot* slots,
                     const Step* step, cudaStream_t stream) {
  const cudaError_t error =
      launch_for_each_piece(pieces, begin_kernel, stream, groups, slots, step);
  if (error != cudaSuccess) return error;
  return launch_over(pieces, sgd_kernel, stream, slots, step);
}

}  // namespace accelerate::kernels
