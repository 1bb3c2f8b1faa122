// Processes a list of arrays in blocks of a fixed size, on LibTorch's threads if there are enough
// of them. The result for a block does not depend on the number of threads.
//
//   cut_into_blocks({weight.numel(), bias.numel()}, blocks);
//   for_each_block(blocks, [&](const Block& block) { work_on(block); });
//
// Not for tensors on a GPU.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace accelerate {

struct Block {
  // The index of the array, and the range of its elements.
  size_t array;
  int64_t begin;
  int64_t count;
};

inline constexpr int64_t kBlockSize = 64 * 1024;

// Fills the list with the blocks of arrays of these lengths, in order; reuses the list's memory. An
// empty array has no blocks.
inline void cut_into_blocks(const std::vector<int64_t>& counts, std::vector<Block>& blocks) {
  blocks.clear();
  for (size_t array = 0; array < counts.size(); ++array) {
    for (int64_t begin = 0; begin < counts[array]; begin += kBlockSize) {
      blocks.push_back({array, begin, std::min(kBlockSize, counts[array] - begin)});
    }
  }
}

// Calls the function once for each block, from several threads at once if there are many blocks,
// unless `in_order`.
template <class Function>
void for_each_block(const std::vector<Block>& blocks, Function&& function, bool in_order = false) {
  int64_t total = 0;
  for (const Block& block : blocks) total += block.count;
  if (in_order || total <= kBlockSize || at::get_num_threads() == 1) {
    for (const Block& block : blocks) function(block);
    return;
  }
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) function(blocks[i]);
  });
}

}  // namespace accelerate
