#include <cstdint>

#include "kernels/adam/adam_chunk.h"
#include "kernels/adam/adam_cuda.h"
#include "kernels/device/launch.h"

namespace accelerate::kernels {
namespace {

__global__ void __launch_bounds__(kThreads)
    adam_kernel(const __grid_constant__ PieceTable<AdamPiece> table, AdamOptions options,
                const Step* step) {
  if (step->overflow != 0) return;
  // Powers in double cost more than some elements: once for the block.
  __shared__ AdamScalars<float> shared;
  if (threadIdx.x == 0) {
    options.lr = step->lr;
    shared = adam_scalars<float>(options, step->number, step->gradient_factor);
  }
  __syncthreads();
  // Copied, because for all the compiler knows the arrays may change what is shared.
  const AdamScalars<float> scalars = shared;
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    adam_chunk(scalars, table.pieces[chunk.piece], chunk, this_worker());
  }
}

}  // namespace

cudaError_t adam_cuda(const AdamOptions& options, std::span<const AdamPiece> pieces,
                      const Step* step, cudaStream_t stream) {
  return launch_over(pieces, adam_kernel, stream, options, step);
}

}  // namespace accelerate::kernels
