#include "accelerate/gradients/copy_pieces.h"

#include <cstdint>

#include "accelerate/device/gpu_kernels.h"
#include "accelerate/layout/blocks.h"

namespace accelerate::internal {

void copy_pieces(const std::vector<kernels::PackPiece>& pieces, kernels::ElementType type,
                 c10::Device device) {
  if (!device.is_cpu()) return gpu::pack(device, pieces, type);
  std::vector<int64_t> counts;
  for (const kernels::PackPiece& piece : pieces) counts.push_back(piece.count);
  std::vector<Block> blocks;
  cut_into_blocks(counts, blocks);
  for_each_block(blocks, [&](const Block& block) {
    kernels::PackPiece part = pieces[block.array];
    if (part.source != nullptr) {
      part.source =
          static_cast<const char*>(part.source) + block.begin * kernels::size_of(part.source_type);
    }
    part.destination = static_cast<char*>(part.destination) + block.begin * kernels::size_of(type);
    part.count = block.count;
    kernels::pack(part, type);
  });
}

}  // namespace accelerate::internal
