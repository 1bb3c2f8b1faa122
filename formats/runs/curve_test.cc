#include "formats/runs/curve.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "formats/runs/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::runs {
namespace {

using metrics::Point;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargest = std::numeric_limits<double>::max();

std::vector<Point> points_of(const std::vector<double>& values) {
  std::vector<Point> points;
  for (const double value : values) {
    const auto step = static_cast<std::int64_t>(points.size()) + 1;
    points.push_back({step, 100.0 + static_cast<double>(step), value});
  }
  return points;
}

TEST(Curve, KeepsEachPointOfAShortOne) {
  const Metric metric = summarize("loss", points_of({3, 1, 2}));
  EXPECT_EQ(metric.name, "loss");
  EXPECT_EQ(metric.points, 3);
  EXPECT_EQ(metric.last.value, 2);
  EXPECT_EQ(metric.lowest->step, 2);
  EXPECT_EQ(metric.highest->step, 1);
  EXPECT_FALSE(metric.first_non_finite.has_value());
  ASSERT_EQ(metric.curve.size(), 3u);
  EXPECT_EQ(metric.curve[1].step, 2);
  EXPECT_EQ(metric.curve[1].time, 102);
  EXPECT_EQ(metric.curve[1].mean, 1);
  EXPECT_EQ(metric.curve[1].lowest, 1);
  EXPECT_EQ(metric.curve[1].highest, 1);
}

TEST(Curve, ShowsASpikeAmongAMillionPoints) {
  std::vector<double> values(1000000, 1.0);
  values[700000] = 50;
  values[200000] = -50;
  const Metric metric = summarize("loss", points_of(values));
  ASSERT_EQ(metric.curve.size(), kMostColumns);
  EXPECT_EQ(metric.curve.back().step, 1000000);
  std::vector<std::int64_t> high, low;
  for (const CurveColumn& column : metric.curve) {
    if (column.highest == 50) high.push_back(column.step);
    if (column.lowest == -50) low.push_back(column.step);
    EXPECT_NEAR(column.mean, 1, 0.1);
  }
  ASSERT_EQ(high.size(), 1u);
  ASSERT_EQ(low.size(), 1u);
  EXPECT_NEAR(static_cast<double>(high[0]), 700000, 1000);
  EXPECT_NEAR(static_cast<double>(low[0]), 200000, 1000);
  EXPECT_EQ(metric.highest->step, 700001);
}

TEST(Curve, KeepsASpikeAmongFewerColumns) {
  std::vector<double> values(1000, 1.0);
  values[500] = 50;
  values[10] = kNaN;
  const std::vector<CurveColumn> curve =
      with_fewer_columns(summarize("loss", points_of(values)).curve, 7);
  ASSERT_EQ(curve.size(), 7u);
  EXPECT_EQ(curve.back().step, 1000);
  EXPECT_TRUE(curve[0].has_non_finite);
  EXPECT_EQ(curve[0].mean, 1);
  EXPECT_EQ(curve[3].highest, 50);
  EXPECT_EQ(curve[3].lowest, 1);
  EXPECT_NEAR(curve[3].mean, 1 + 49.0 / 143, 1e-3);
  EXPECT_EQ(with_fewer_columns(curve, 8).size(), 7u);
  EXPECT_TRUE(
      std::isnan(with_fewer_columns(summarize("loss", points_of({kNaN, kNaN})).curve, 1)[0].mean));
}

TEST(Curve, LeavesOutWhatIsNotFinite) {
  const Metric metric = summarize("loss", points_of({kNaN, 2, -kInfinity, 1, kNaN}));
  EXPECT_EQ(metric.first_non_finite->step, 1);
  EXPECT_EQ(metric.best()->value, 1);
  EXPECT_EQ(metric.highest->value, 2);
  EXPECT_TRUE(std::isnan(metric.last.value));
  EXPECT_TRUE(std::isnan(metric.curve[0].mean));
  EXPECT_TRUE(metric.curve[2].has_non_finite);
  EXPECT_FALSE(metric.curve[1].has_non_finite);

  const Metric none = summarize("loss", points_of({kNaN, kInfinity}));
  EXPECT_FALSE(none.best().has_value());
  EXPECT_FALSE(none.highest.has_value());
}

TEST(Curve, StaysFiniteWithTheLargestNumbers) {
  std::vector<double> values;
  for (std::size_t i = 0; i < 4 * kMostColumns; ++i) values.push_back(i % 2 ? kLargest : -kLargest);
  for (const CurveColumn& column : summarize("loss", points_of(values)).curve) {
    EXPECT_TRUE(std::isfinite(column.mean));
    EXPECT_EQ(column.highest, kLargest);
  }
}

TEST(Curve, KnowsWhichMetricsAreBetterHigher) {
  for (const char* name :
       {"accuracy", "eval/Accuracy", "top5", "val_f1", "mAP@50", "acc.top-1", "tokens_per_second",
        "BLEU", "reward_mean", "R2", "report/share_of_peak", "report/goodput"}) {
    EXPECT_TRUE(higher_is_better(name)) << name;
  }
  for (const char* name :
       {"loss", "report/peak_memory", "train/loss", "reward_loss", "score_error", "lr",
        "perplexity", "", "///", "seconds_per_step", "background", "\xff"}) {
    EXPECT_FALSE(higher_is_better(name)) << name;
  }
}

Run run_with(const std::vector<Setting>& config, const std::vector<std::string>& metrics = {}) {
  Run run;
  run.config = config;
  for (const std::string& name : metrics) run.metrics.push_back(summarize(name, points_of({1})));
  return run;
}

TEST(Runs, AreComparedWithOneAnother) {
  const std::vector<runs::Run> runs = {
      run_with({{"lr", "0.1"}, {"layers", "12"}, {"seed", "1"}}, {"loss"}),
      run_with({{"lr", "0.2"}, {"layers", "12"}, {"momentum", "0.9"}}, {"accuracy", "loss"})};
  EXPECT_THAT(setting_names(runs), ElementsAre("lr", "layers", "seed", "momentum"));
  EXPECT_THAT(differing_settings(runs), ElementsAre("lr", "seed", "momentum"));
  EXPECT_THAT(differing_settings({runs[0]}), IsEmpty());
  EXPECT_THAT(differing_settings({runs[0], run_with({})}), ElementsAre("lr", "layers", "seed"));
  EXPECT_THAT(metric_names(runs), ElementsAre("accuracy", "loss"));
  EXPECT_EQ(find_metric(runs[0], "accuracy"), nullptr);
  EXPECT_EQ(find_metric(runs[1], "loss")->last.value, 1);
}

}  // namespace
}  // namespace accelerate::runs
