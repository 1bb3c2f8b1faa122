#include "accelerate/tape/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace accelerate {
namespace {

constexpr int64_t kAlignment = 64;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

MemoryPlan plan_memory(const std::vector<Lifetime>& lifetimes) {
  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<size_t> by_size(lifetimes.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(), [&](size_t left, size_t right) {
    return lifetimes[left].bytes > lifetimes[right].bytes;
  });
  // Those that have their place, by offset.
  std::vector<size_t> placed;
  for (const size_t piece : by_size) {
    const Lifetime& life = lifetimes[piece];
    int64_t offset = 0;
    for (const size_t other : placed) {
      const Lifetime& taken = lifetimes[other];
      if (taken.last < life.first || life.last < taken.first) continue;
      if (offset + life.bytes <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + aligned(taken.bytes));
    }
    plan.offsets[piece] = offset;
    plan.bytes = std::max(plan.bytes, offset + aligned(life.bytes));
    const auto behind =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t value, size_t other) { return value < plan.offsets[other]; });
    placed.insert(behind, piece);
  }
  return plan;
}

}  // namespace accelerate
