#include "accelerate/progress_bar/step_rate.h"

#include "gtest/gtest.h"

namespace accelerate::internal {
namespace {

TEST(StepRate, IsNotKnownAtFirst) {
  StepRate rate;
  EXPECT_EQ(rate.per_second(), 0);
  rate.add(5, 0);
  EXPECT_EQ(rate.per_second(), 0);
}

TEST(StepRate, IsExactFromTheFirstStepOn) {
  StepRate rate;
  for (int i = 0; i < 100; ++i) {
    rate.add(3, 0.1);
    EXPECT_NEAR(rate.per_second(), 30, 1e-9);
  }
}

TEST(StepRate, FollowsAChangeWithinSeconds) {
  StepRate rate;
  for (int i = 0; i < 100; ++i) rate.add(100, 0.1);
  rate.add(10, 0.1);
  EXPECT_GT(rate.per_second(), 900) << "one slow moment is no change";
  for (int i = 0; i < 200; ++i) rate.add(10, 0.1);
  EXPECT_NEAR(rate.per_second(), 100, 2);
}

TEST(StepRate, RemembersAFewSlowSteps) {
  StepRate rate;
  rate.add(1, 30);
  rate.add(1, 60);
  EXPECT_GT(1 / rate.per_second(), 40);
  EXPECT_LT(1 / rate.per_second(), 50);
}

TEST(StepRate, IsNotNegative) {
  StepRate rate;
  rate.add(-5, 1);
  EXPECT_EQ(rate.per_second(), 0);
}

}  // namespace
}  // namespace accelerate::internal
