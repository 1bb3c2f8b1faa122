#include "launcher/cli/sparkline.h"

#include <limits>
#include <string>
#include <vector>

#include "formats/runs/curve.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargest = std::numeric_limits<double>::max();

// Of steps from 0 on.
std::vector<runs::CurveColumn> curve_of(const std::vector<double>& values) {
  std::vector<metrics::Point> points;
  for (const double value : values) {
    points.push_back({static_cast<std::int64_t>(points.size()), 0, value});
  }
  return runs::summarize("loss", points).curve;
}

TEST(Sparkline, ShowsEightLevels) {
  const auto curve = curve_of({0, 1, 2, 3, 4, 5, 6, 7});
  const SparklineScale scale = {.last_step = 7, .lowest = 0, .highest = 7};
  EXPECT_EQ(sparkline(curve, scale, {.width = 8}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline(curve, scale, {.width = 8, .is_ascii = true}), "_.-:=+*#");
  EXPECT_EQ(sparkline(curve, scale, {.width = 4}), "▁▃▆█");
  EXPECT_EQ(sparkline(curve, scale, {.width = 1}), "▅");
}

TEST(Sparkline, HasOneScaleForAll) {
  const SparklineScale scale = {.first_step = -1, .last_step = 7, .lowest = 0, .highest = 100};
  EXPECT_EQ(sparkline(curve_of({0, 0, 0, 0}), scale, {.width = 8}), " ▁▁▁▁   ");
  EXPECT_EQ(sparkline(curve_of({100}), scale, {.width = 4}), "█   ");
}

TEST(Sparkline, GoesOnBetweenPointsThatAreFarApart) {
  std::vector<runs::CurveColumn> curve = curve_of({1, 0, 0, 0, 0, 0, 0, 1});
  curve.erase(curve.begin() + 1, curve.end() - 1);
  const SparklineScale scale = {.last_step = 7, .lowest = 0, .highest = 2};
  EXPECT_EQ(sparkline(curve, scale, {.width = 8}), "▅▅▅▅▅▅▅▅");
}

TEST(Sparkline, MarksWhatIsNotFinite) {
  const SparklineScale scale = {.last_step = 3, .lowest = 0, .highest = 1};
  EXPECT_EQ(sparkline(curve_of({1, kNaN, 1, -1 / 0.0}), scale, {.width = 4}), "█×█×");
  EXPECT_EQ(sparkline(curve_of({kNaN, 1}), scale, {.width = 4, .is_ascii = true}), "x#  ");
}

TEST(Sparkline, StandsScalesThatSayLittle) {
  EXPECT_EQ(sparkline(curve_of({5}), {.lowest = 5, .highest = 5}, {.width = 3}), "▁  ");
  EXPECT_EQ(sparkline({}, {}, {.width = 3}), "   ");
  EXPECT_EQ(sparkline(curve_of({-kLargest, kLargest}),
                      {.last_step = 1, .lowest = -kLargest, .highest = kLargest}, {.width = 2}),
            "▁█");
  // Half of the smallest number is none.
  EXPECT_EQ(sparkline(curve_of({0, 5e-324}), {.last_step = 1, .lowest = 0, .highest = 5e-324},
                      {.width = 2}),
            "▁▁");
}

}  // namespace
}  // namespace accelerate::launcher
