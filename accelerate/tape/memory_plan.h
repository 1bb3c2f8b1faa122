// Places the intermediate results of a tape in one block of memory, so that those that are never
// needed at the same time share it.
//
//   const MemoryPlan plan = plan_memory({{.bytes = 4096, .first = 0, .last = 3},
//                                        {.bytes = 4096, .first = 4, .last = 5}});
//   char* memory = allocate(plan.bytes);
//   use(memory + plan.offsets[0]);
//
// Not for memory whose use is not known in advance.
#pragma once

#include <cstdint>
#include <vector>

namespace accelerate {

// A piece of memory, and the first and last instruction that use it.
struct Lifetime {
  int64_t bytes;
  int64_t first;
  int64_t last;
};

struct MemoryPlan {
  int64_t bytes = 0;
  // The offset of each piece, in the order given; a multiple of 64, like LibTorch's own memory.
  std::vector<int64_t> offsets;
};

// Pieces that one instruction uses never overlap. Places the largest first, each at the lowest
// offset that is free during all of its lifetime (Pisarchyk and Lee, Efficient Memory Management
// for Deep Neural Net Inference, 2020: "greedy by size").
MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes);

}  // namespace accelerate
