#include "formats/tensorboard/histogram.h"

#include <limits>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::tensorboard {
namespace {

using testing::ElementsAre;

TEST(Histogram, CountsEachFiniteValueOnce) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {
      -1e30, -2,   0,        1e-13,     3,
      5,     1e30, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()};
  const Histogram histogram = make_histogram(values);
  EXPECT_EQ(histogram.count, 7);
  EXPECT_EQ(histogram.min, -1e30);
  EXPECT_EQ(histogram.max, 1e30);
  EXPECT_EQ(std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0), 7);
  EXPECT_EQ(histogram.counts.size(), histogram.limits.size());
}

TEST(Histogram, OfNothingIsWhole) {
  const Histogram histogram = make_histogram({});
  EXPECT_EQ(histogram.count, 0);
  EXPECT_THAT(histogram.counts, ElementsAre(0));
  EXPECT_EQ(histogram.limits.size(), 1u);
}

}  // namespace
}  // namespace accelerate::tensorboard
