#include "kernels/step/step.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace accelerate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Step, ForgetsTheStepBefore) {
  Step step = {.gradient_factor = 0.5, .overflow = 1};
  begin_step({}, step);
  EXPECT_EQ(step.gradient_factor, 1);
  EXPECT_EQ(step.overflow, 0);
}

TEST(Step, ClipsLargeNormsAndNoSmallOnes) {
  const NormResult norm = {.sum = 16};
  Step step;
  begin_step({.norm = &norm, .max_norm = 2}, step);
  EXPECT_DOUBLE_EQ(step.gradient_factor, 2 / (4 + 1e-6));
  begin_step({.norm = &norm, .max_norm = 5}, step);
  EXPECT_EQ(step.gradient_factor, 1);
  begin_step({.norm = &norm}, step);
  EXPECT_EQ(step.gradient_factor, 1);
  begin_step({.norm = &norm, .max_norm = 0}, step);
  EXPECT_EQ(step.gradient_factor, 0);
}

TEST(Step, TakesTheLossScaleOutBeforeItClips) {
  const NormResult norm = {.sum = 16.0 * 1024 * 1024};
  LossScale loss_scale = initial_loss_scale(1024);
  Step step;
  begin_step({.norm = &norm, .loss_scale = &loss_scale, .max_norm = 2}, step);
  EXPECT_DOUBLE_EQ(step.gradient_factor, 2 / (4 + 1e-6) / 1024);
  begin_step({.loss_scale = &loss_scale}, step);
  EXPECT_EQ(step.gradient_factor, 1.0 / 1024);
  EXPECT_EQ(loss_scale.overflow, 0);
}

TEST(Step, SaysTheNormWithoutTheLossScaleAndBeforeItClips) {
  const NormResult norm = {.sum = 16.0 * 1024 * 1024};
  LossScale loss_scale = initial_loss_scale(1024);
  Step step;
  float said = 0;
  begin_step({.norm = &norm, .loss_scale = &loss_scale, .max_norm = 2, .norm_out = &said}, step);
  EXPECT_EQ(said, 4);
  // Of the same gradients, clipped once already.
  begin_step({.norm = &norm, .max_norm = 1, .norm_out = &said, .go_on = true}, step);
  EXPECT_NEAR(said, 2, 1e-5);
  EXPECT_NEAR(step.gradient_factor, 1.0 / 4 / 1024, 1e-8);
}

TEST(Step, KeepsAnOverflowWhenItGoesOn) {
  const NormResult bad = {.sum = kInfinity, .finite = 0};
  LossScale loss_scale = initial_loss_scale(1024);
  Step step;
  begin_step({.norm = &bad, .loss_scale = &loss_scale}, step);
  begin_step({.norm = &bad, .max_norm = 1, .go_on = true}, step);
  EXPECT_EQ(step.overflow, 1);
}

TEST(Step, IsSkippedAfterAnOverflow) {
  const NormResult bad = {.sum = kInfinity, .finite = 0}, good = {.sum = 1};
  LossScale loss_scale = initial_loss_scale(1024);
  Step step, of_another;
  begin_step({.norm = &bad, .loss_scale = &loss_scale, .max_norm = 1}, step);
  EXPECT_EQ(step.overflow, 1);
  // Another optimizer steps, and the scale still falls.
  begin_step({.norm = &good, .loss_scale = &loss_scale}, of_another);
  EXPECT_EQ(of_another.overflow, 0);
  EXPECT_EQ(loss_scale.overflow, 1);
  update_loss_scale({}, loss_scale);
  begin_step({.norm = &good, .loss_scale = &loss_scale}, step);
  EXPECT_EQ(step.overflow, 0);
  EXPECT_EQ(step.gradient_factor, 1.0 / 512);
}

TEST(Step, DoesNotHideGradientsThatAreNotFiniteWithoutALossScale) {
  const NormResult infinite = {.sum = kInfinity, .finite = 0};
  const NormResult nan = {.sum = std::nan(""), .finite = 0};
  Step step;
  begin_step({.norm = &infinite, .max_norm = 1}, step);
  EXPECT_EQ(step.overflow, 0);
  EXPECT_EQ(step.gradient_factor, 0);
  begin_step({.norm = &nan, .max_norm = 1}, step);
  EXPECT_EQ(step.overflow, 0);
  EXPECT_TRUE(std::isnan(step.gradient_factor));
  begin_step({.norm = &nan}, step);
  EXPECT_EQ(step.gradient_factor, 1);
}

}  // namespace
}  // namespace accelerate::kernels
