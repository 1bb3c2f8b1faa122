#include "accelerate/tape/memory_plan.h"

#include <random>

#include "gtest/gtest.h"

namespace accelerate {
namespace {

TEST(MemoryPlanTest, SharesMemoryBetweenWhatIsNeverNeededTogether) {
  const MemoryPlan plan = plan_memory({{.bytes = 100, .first = 0, .last = 1},
                                       {.bytes = 100, .first = 1, .last = 2},
                                       {.bytes = 100, .first = 2, .last = 3}});
  EXPECT_NE(plan.offsets[0], plan.offsets[1]);
  EXPECT_EQ(plan.offsets[0], plan.offsets[2]);
  EXPECT_EQ(plan.bytes, 256);
}

TEST(MemoryPlanTest, FillsTheGapBetweenTwoOthers) {
  const MemoryPlan plan = plan_memory({{.bytes = 640, .first = 0, .last = 1},
                                       {.bytes = 320, .first = 0, .last = 9},
                                       {.bytes = 192, .first = 2, .last = 9},
                                       {.bytes = 448, .first = 2, .last = 9}});
  EXPECT_EQ(plan.bytes, 640 + 320);
}

TEST(MemoryPlanTest, OfNothingIsEmpty) { EXPECT_EQ(plan_memory({}).bytes, 0); }

TEST(MemoryPlanTest, NeverLetsTwoOverlapThatAreNeededTogether) {
  std::mt19937 random(0);
  for (int round = 0; round < 100; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = 0; i < 40; ++i) {
      const int64_t first = random() % 50;
      lifetimes.push_back({.bytes = 1 + static_cast<int64_t>(random() % 1000),
                           .first = first,
                           .last = first + static_cast<int64_t>(random() % 10)});
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0);
      EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
      for (size_t k = 0; k < i; ++k) {
        const bool together =
            lifetimes[i].first <= lifetimes[k].last && lifetimes[k].first <= lifetimes[i].last;
        const bool apart = plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[k] ||
                           plan.offsets[k] + lifetimes[k].bytes <= plan.offsets[i];
        EXPECT_TRUE(!together || apart);
      }
    }
  }
}

}  // namespace
}  // namespace accelerate
