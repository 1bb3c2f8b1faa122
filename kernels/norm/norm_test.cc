#include "kernels/norm/norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/all_types.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Calls function.operator()<T>(type, level) for all types and levels.
void for_all(auto function) {
  for (const SimdLevel level : usable_simd_levels()) {
    for_all_types([&]<class T>(ElementType type) { function.template operator()<T>(type, level); });
  }
}

TEST(Norm, IsThatOfAllElements) {
  for_all([]<class T>(ElementType type, SimdLevel level) {
    for (const int64_t count : test_counts()) {
      TestArray<T> data(count, count % 7);
      fill_normal(data, 1);
      double sum = 0, largest = 0;
      for (const T element : data.elements()) {
        const double value = convert<double>(element);
        sum += value * value;
        largest = std::max(largest, std::abs(value));
      }
      const SquaredNorm norm = squared_norm(data.data(), type, count, level);
      EXPECT_NEAR(norm.sum, sum, 1e-12 * sum) << count;
      EXPECT_TRUE(norm.finite);
      EXPECT_EQ(max_abs(data.data(), type, count, level), largest) << count;
    }
  });
}

TEST(Norm, HasTheSameBitsAtEveryAlignmentAndLevel) {
  for_all([]<class T>(ElementType type, SimdLevel level) {
    for (const int64_t count : test_counts()) {
      TestArray<T> aligned(count, 0);
      fill_normal(aligned, 1);
      const double sum = squared_norm(aligned.data(), type, count, SimdLevel::kBaseline).sum;
      for (int64_t offset = 0; offset < 9; ++offset) {
        TestArray<T> data(count, offset);
        std::ranges::copy(aligned.elements(), data.data());
        EXPECT_EQ(squared_norm(data.data(), type, count, level).sum, sum) << count;
      }
    }
  });
}

TEST(Norm, SeesASingleElementThatIsNotFinite) {
  for_all([]<class T>(ElementType type, SimdLevel level) {
    for (const double bad : {kInfinity, -kInfinity, kNan, -kNan}) {
      for (int64_t at = 0; at < 101; ++at) {
        TestArray<T> data(101, 0);
        fill_normal(data, 1);
        data[at] = convert<T>(bad);
        data[(at + 50) % 101] = convert<T>(at % 2 == 0 ? kInfinity : 1);
        EXPECT_FALSE(squared_norm(data.data(), type, 101, level).finite) << at;
        const double largest = max_abs(data.data(), type, 101, level);
        EXPECT_TRUE(std::isnan(bad) ? std::isnan(largest) : largest == kInfinity) << at;
      }
    }
  });
}

TEST(Norm, DoesNotOverflowBelowDouble) {
  for (const SimdLevel level : usable_simd_levels()) {
    TestArray<float> data(100, 0);
    std::ranges::fill(data.elements(), -std::numeric_limits<float>::max());
    const SquaredNorm norm = squared_norm(data.data(), ElementType::kFloat, 100, level);
    const double largest = std::numeric_limits<float>::max();
    EXPECT_NEAR(norm.sum, 100 * largest * largest, 1e60);
    EXPECT_TRUE(norm.finite);
    EXPECT_EQ(max_abs(data.data(), ElementType::kFloat, 100, level), largest);
  }
}

TEST(Norm, TellsOverflowOfDoublesFromInfinity) {
  for (const SimdLevel level : usable_simd_levels()) {
    TestArray<double> data(67, 0);
    data[40] = -1e300;
    const SquaredNorm norm = squared_norm(data.data(), ElementType::kDouble, 67, level);
    EXPECT_EQ(norm.sum, kInfinity);
    EXPECT_TRUE(norm.finite);
    EXPECT_EQ(max_abs(data.data(), ElementType::kDouble, 67, level), 1e300);
  }
}

TEST(Norm, CountsSubnormals) {
  for (const SimdLevel level : usable_simd_levels()) {
    TestArray<Half> data(67, 0);
    data[66].bits = 0x8001;
    EXPECT_EQ(squared_norm(data.data(), ElementType::kHalf, 67, level).sum, 0x1p-48);
    EXPECT_EQ(max_abs(data.data(), ElementType::kHalf, 67, level), 0x1p-24);
  }
}

}  // namespace
}  // namespace accelerate::kernels
