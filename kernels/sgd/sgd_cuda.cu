#include <cstdint>

#include "kernels/device/launch.h"
#include "kernels/sgd/sgd_chunk.h"
#include "kernels/sgd/sgd_cuda.h"

namespace accelerate::kernels {
namespace {

__global__ void __launch_bounds__(kThreads)
    sgd_kernel(const __grid_constant__ PieceTable<SgdPiece> table, SgdOptions options,
               const Step* step) {
  if (step->overflow != 0) return;
  options.lr = step->lr;
  const SgdScalars<float> scalars =
      sgd_scalars<float>(options, step->number == 1, step->gradient_factor);
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    sgd_chunk(scalars, table.pieces[chunk.piece], chunk, this_worker());
  }
}

}  // namespace

cudaError_t sgd_cuda(const SgdOptions& options, std::span<const SgdPiece> pieces, const Step* step,
                     cudaStream_t stream) {
  return launch_over(pieces, sgd_kernel, stream, options, step);
}

}  // namespace accelerate::kernels
