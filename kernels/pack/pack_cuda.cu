#include <cstdint>

#include "kernels/device/launch.h"
#include "kernels/pack/pack_chunk.h"
#include "kernels/pack/pack_cuda.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {
namespace {

template <class To>
__global__ void __launch_bounds__(kHere<MemoryPolicies>.threads)
    pack_kernel(const __grid_constant__ PieceTable<PackPiece> table) {
  for (int64_t i = blockIdx.x; i < table.chunk_count(); i += gridDim.x) {
    const Chunk chunk = table.chunk(i);
    pack_chunk<To>(table.pieces[chunk.piece], chunk, this_worker());
  }
}

}  // namespace

cudaError_t pack_cuda(std::span<const PackPiece> pieces, ElementType destination_type,
                      cudaStream_t stream) {
  return by_type(destination_type, [&]<class To>() {
    return launch_over<MemoryPolicies>(pieces, pack_kernel<To>, stream);
  });
}

}  // namespace accelerate::kernels
