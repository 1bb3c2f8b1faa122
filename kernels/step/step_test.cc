#include "kernels/step/step.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace accelerate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Step, HasNothingToDoWithoutInputs) {
  Step step = {.number = 4, .lr = 0.5};
  begin_step({}, step);
  EXPECT_EQ(step.number, 5);
  EXPECT_EQ(step.lr, 0.5);
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
  EXPECT_EQ(step.number, 2);
}

TEST(Step, IsSkippedAndNotCountedAfterAnOverflow) {
  const NormResult bad = {.sum = kInfinity, .finite = 0}, good = {.sum = 1};
  LossScale loss_scale = initial_loss_scale(1024);
  Step step = {.number = 7}, of_another = {.number = 7};
  begin_step({.norm = &bad, .loss_scale = &loss_scale, .max_norm = 1}, step);
  EXPECT_EQ(step.overflow, 1);
  EXPECT_EQ(step.number, 7);
  // Another optimizer steps, and the scale still falls.
  begin_step({.norm = &good, .loss_scale = &loss_scale}, of_another);
  EXPECT_EQ(of_another.overflow, 0);
  EXPECT_EQ(of_another.number, 8);
  EXPECT_EQ(loss_scale.overflow, 1);
  update_loss_scale({}, loss_scale);
  begin_step({.norm = &good, .loss_scale = &loss_scale}, step);
  EXPECT_EQ(step.overflow, 0);
  EXPECT_EQ(step.number, 8);
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
  EXPECT_EQ(step.number, 3);
}

}  // namespace
}  // namespace accelerate::kernels
