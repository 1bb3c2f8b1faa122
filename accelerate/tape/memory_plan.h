// Where the intermediate results of a tape lie in one piece of memory, so that those that are never
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

// A piece of memory, and the first and last of the instructions that use it.
struct Lifetime {
  int64_t bytes;
  int64_t first;
  int64_t last;
};

struct MemoryPlan {
  int64_t bytes = 0;
  // Of each piece, in the order given; multiples of 64, as LibTorch's own memory is.
  std::vector<int64_t> offsets;
};

// Pieces that one instruction uses never overlap. The largest come first, each to the lowest place
// that is free for all of its life (Pisarchyk and Lee, Efficient Memory Management for Deep Neural
// Net Inference, 2020: "greedy by size").
MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes);

}  // namespace accelerate
