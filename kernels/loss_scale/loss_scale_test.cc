#include "kernels/loss_scale/loss_scale.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace accelerate::kernels {
namespace {

// The state after steps that overflow where the text has a 1.
LossScale after(const char* steps, const LossScaleOptions& options, float scale) {
  LossScale state = initial_loss_scale(scale);
  for (; *steps != 0; ++steps) {
    state.overflow = *steps == '1';
    update_loss_scale(options, state);
  }
  return state;
}

TEST(LossScale, GrowsAfterAnInterval) {
  const LossScaleOptions options = {.growth_factor = 4, .growth_interval = 3};
  EXPECT_EQ(after("00", options, 8).scale, 8);
  EXPECT_EQ(after("00", options, 8).growth_tracker, 2);
  EXPECT_EQ(after("000", options, 8).scale, 32);
  EXPECT_EQ(after("000", options, 8).inverse, 1.0f / 32);
  EXPECT_EQ(after("000", options, 8).growth_tracker, 0);
  EXPECT_EQ(after("000000", options, 8).scale, 128);
}

TEST(LossScale, GrowsAfterAnIntervalThatHasBecomeShorter) {
  LossScale state = initial_loss_scale(8);
  state.growth_tracker = 1500;
  update_loss_scale({.growth_factor = 2, .growth_interval = 1000}, state);
  EXPECT_EQ(state.scale, 16);
}

TEST(LossScale, FallsAtEachOverflowAndCountsAgain) {
  const LossScaleOptions options = {.backoff_factor = 0.25, .growth_interval = 3};
  EXPECT_EQ(after("001", options, 8).scale, 2);
  EXPECT_EQ(after("001", options, 8).growth_tracker, 0);
  EXPECT_EQ(after("00100", options, 8).scale, 2);
  EXPECT_EQ(after("001000", options, 8).scale, 4);
  EXPECT_EQ(after("11", options, 8).scale, 0.5);
  EXPECT_EQ(after("11", options, 8).inverse, 2);
  EXPECT_EQ(after("11", options, 8).overflow, 0);
}

TEST(LossScale, IsNeverInfinite) {
  EXPECT_EQ(after("00000", {.growth_interval = 1}, 0x1p126f).scale, 0x1p127f);
}

TEST(LossScale, CalculatesInDouble) {
  const LossScale state = after("0", {.growth_factor = 1.1, .growth_interval = 1}, 3);
  EXPECT_EQ(state.scale, static_cast<float>(3 * 1.1));
  EXPECT_EQ(state.inverse, static_cast<float>(1.0 / state.scale));
}

TEST(LossScale, GrowsAtEveryStepWithAnIntervalOfOne) {
  EXPECT_EQ(after("000", {.growth_interval = 1}, 1).scale, 8);
}

}  // namespace
}  // namespace accelerate::kernels
