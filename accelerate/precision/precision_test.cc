#include "accelerate/precision/precision.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "accelerate/precision/autocast.h"
#include "accelerate/precision/loss_scale.h"

namespace accelerate {
namespace {

nlohmann::json recording() {
  std::ifstream in("accelerate/precision/testdata/grad_scaler.json");
  return nlohmann::json::parse(in);
}

LossScale make_scale(const nlohmann::json& record) {
  return LossScale({.init_scale = record["init_scale"],
                    .growth_factor = record["growth_factor"],
                    .backoff_factor = record["backoff_factor"],
                    .growth_interval = record["growth_interval"]},
                   at::kCPU);
}

// Gradients of an optimizer, one of which is bad in kind `bad` if there was an overflow.
bool unscale(LossScale& scale, bool overflow, int64_t step) {
  const double kinds[] = {INFINITY, NAN, -INFINITY};
  std::vector<at::Tensor> gradients{at::ones({3}), at::ones({2, 2}), at::Tensor()};
  if (overflow) gradients[1][1][0] = kinds[step % 3];
  return scale.unscale(gradients);
}

TEST(LossScale, FollowsRecordedGradScaler) {
  for (const auto& record : recording()["cases"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    LossScale scale = make_scale(record);
    const std::string overflow = record["overflow"], skipped = record["skipped"];
    for (size_t step = 0; step < overflow.size(); ++step) {
      ASSERT_EQ(unscale(scale, overflow[step] == '1', step), skipped[step] == '1')
          << "step " << step;
      ASSERT_EQ(scale.value(), record["scale"][step].get<double>()) << "step " << step;
      ASSERT_EQ(scale.growth_tracker(), record["growth_tracker"][step].get<int64_t>())
          << "step " << step;
    }
  }
}

TEST(LossScale, FollowsRecordedGradScalerOverLongSeries) {
  for (const auto& record : recording()["compact"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    LossScale scale = make_scale(record);
    std::map<int64_t, bool> overflows;
    for (const auto& step : record["overflow_steps"]) overflows[step] = true;
    std::map<int64_t, std::pair<double, int64_t>> changes;
    for (const auto& change : record["changes"]) changes[change[0]] = {change[1], change[2]};
    double expected = record["init_scale"];
    int64_t tracker = 0;
    for (int64_t step = 0; step < record["steps"]; ++step) {
      ASSERT_EQ(unscale(scale, overflows[step], step), overflows[step]) << "step " << step;
      ++tracker;
      if (const auto change = changes.find(step); change != changes.end())
        std::tie(expected, tracker) = change->second;
      ASSERT_EQ(scale.value(), expected) << "step " << step;
      ASSERT_EQ(scale.growth_tracker(), tracker) << "step " << step;
    }
  }
}

TEST(LossScale, IsUpdatedOnceForSeveralOptimizers) {
  for (const auto& record : recording()["two_optimizers"]) {
    SCOPED_TRACE(record["name"].get<std::string>());
    LossScale scale = make_scale(record);
    const std::string first = record["overflow"][0], second = record["overflow"][1];
    for (size_t step = 0; step < first.size(); ++step) {
      unscale(scale, first[step] == '1', step);
      unscale(scale, second[step] == '1', step);
      ASSERT_EQ(scale.value(), record["scale"][step].get<double>()) << "step " << step;
      ASSERT_EQ(scale.growth_tracker(), record["growth_tracker"][step].get<int64_t>())
          << "step " << step;
    }
  }
}

TEST(LossScale, DividesGradientsOfEveryTypeByTheScaleOfTheirLoss) {
  LossScale scale({.init_scale = 1024}, at::kCPU);
  const at::Tensor parameter = at::full({}, 2.0).requires_grad_();
  const at::Tensor wide = at::full({}, 3.0, at::kDouble).requires_grad_();
  scale.apply(parameter * wide).backward();
  EXPECT_EQ(parameter.grad().item<double>(), 3.0 * 1024);
  const std::vector<at::Tensor> gradients{parameter.grad(), wide.grad()};
  EXPECT_FALSE(scale.unscale(gradients));
  EXPECT_EQ(parameter.grad().item<double>(), 3.0);
  EXPECT_EQ(wide.grad().item<double>(), 2.0);
}

TEST(LossScale, DoesNotOverflowAHalfPrecisionLoss) {
  LossScale scale({}, at::kCPU);
  EXPECT_EQ(scale.apply(at::full({}, 2.0, at::kHalf)).item<double>(), 2.0 * 65536);
}

TEST(LossScale, RefusesOptionsThatMakeNoSense) {
  for (const double scale : {0.0, 1e39, 1e-50})
    EXPECT_THROW(LossScale({.init_scale = scale}, at::kCPU), c10::Error) << scale;
  EXPECT_THROW(LossScale({.growth_factor = 1}, at::kCPU), c10::Error);
  EXPECT_THROW(LossScale({.backoff_factor = 1}, at::kCPU), c10::Error);
  EXPECT_THROW(LossScale({.growth_interval = 0}, at::kCPU), c10::Error);
}

at::ScalarType product_type() { return at::ones({2, 2}).matmul(at::ones({2, 2})).scalar_type(); }

TEST(Autocast, CastsInItsScopeAndNestsAndRestores) {
  EXPECT_EQ(product_type(), at::kFloat);
  {
    Autocast outer(at::kCPU, at::kBFloat16);
    EXPECT_EQ(product_type(), at::kBFloat16);
    {
      Autocast inner(at::kCPU, at::kHalf);
      EXPECT_EQ(product_type(), at::kHalf);
    }
    EXPECT_EQ(product_type(), at::kBFloat16);
  }
  EXPECT_EQ(product_type(), at::kFloat);
}

TEST(Autocast, RestoresWhenAnExceptionPasses) {
  try {
    Autocast autocast(at::kCPU, at::kBFloat16);
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(product_type(), at::kFloat);
}

TEST(Precision, IsPrintableAndComparable) {
  std::ostringstream out;
  out << Fp16::traits;
  EXPECT_EQ(out.str(), "fp16");
  EXPECT_EQ(Fp16::traits, Fp16::traits);
  EXPECT_NE(Fp16::traits, Bf16::traits);
  static_assert(Precision<Fp32> && !Precision<int>);
}

}  // namespace
}  // namespace accelerate
