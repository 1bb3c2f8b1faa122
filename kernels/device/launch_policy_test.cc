#include "kernels/device/launch_policy.h"

#include "gtest/gtest.h"

namespace accelerate::kernels {
namespace {

struct LargerSince90 {
  constexpr BlockPolicy operator()(int architecture) const {
    return {.threads = architecture >= 90 ? 512 : 256};
  }
};

template <int kThreads>
struct Always {
  constexpr BlockPolicy operator()(int) const { return {.threads = kThreads}; }
};

// An algorithm may have more to say than the size of its blocks.
struct TilePolicy {
  int threads;
  int tile;
  friend constexpr bool operator==(const TilePolicy&, const TilePolicy&) = default;
};
struct LargerTileSince90 {
  constexpr TilePolicy operator()(int architecture) const {
    return {.threads = 128, .tile = architecture >= 90 ? 64 : 32};
  }
};

template <class Selector>
concept HasOnePolicy = requires {
  kEverywhere<Selector>;
};

TEST(LaunchPolicy, IsOfWholeWarpsThatFitIntoABlock) {
  EXPECT_TRUE((PolicySelector<Always<32>>));
  EXPECT_TRUE((PolicySelector<Always<1024>>));
  EXPECT_FALSE((PolicySelector<Always<0>>));
  EXPECT_FALSE((PolicySelector<Always<100>>));
  EXPECT_FALSE((PolicySelector<Always<1056>>));
  EXPECT_TRUE(PolicySelector<MemoryPolicies>);
}

TEST(LaunchPolicy, MayHaveOtherValuesToo) {
  EXPECT_TRUE(PolicySelector<LargerTileSince90>);
  EXPECT_FALSE(is_same_everywhere<LargerTileSince90>());
  EXPECT_FALSE(PolicySelector<int>);
}

TEST(LaunchPolicy, IsKnownToBeTheSameEverywhere) {
  EXPECT_TRUE(is_same_everywhere<Always<64>>());
  EXPECT_FALSE(is_same_everywhere<LargerSince90>());
  EXPECT_TRUE(HasOnePolicy<Always<64>>);
  EXPECT_FALSE(HasOnePolicy<LargerSince90>);
  EXPECT_EQ(kEverywhere<Always<64>>, BlockPolicy{.threads = 64});
}

}  // namespace
}  // namespace accelerate::kernels
