#include "kernels/pack/pack.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/all_types.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

template <class To, class From>
To product(From value, double factor) {
  if constexpr (std::is_same_v<To, double> || std::is_same_v<From, double>) {
    return convert<To>(convert<double>(value) * factor);
  } else {
    return convert<To>(convert<float>(value) * static_cast<float>(factor));
  }
}

TEST(Pack, ConvertsAndMultiplies) {
  for_all_pairs([]<class From, class To>(ElementType from, ElementType to) {
    for (const double factor : {1.0, 1.0 / 3}) {
      for (const int64_t count : test_counts()) {
        TestArray<From> source(count, count % 3);
        fill_normal(source, 1);
        const TestArray<From> before = source;
        TestArray<To> expected(count, 0);
        for (int64_t i = 0; i < count; ++i) expected[i] = product<To>(source[i], factor);
        for (const SimdLevel level : usable_simd_levels()) {
          TestArray<To> destination(count, count % 5);
          pack({source.data(), from, destination.data(), count, factor}, to, level);
          EXPECT_TRUE(destination.same_as(expected)) << count;
          EXPECT_TRUE(destination.guards_intact()) << count;
        }
        EXPECT_TRUE(source.same_as(before));
      }
    }
  });
}

TEST(Pack, MultipliesInPlace) {
  for (const double factor : {1.0, 0.3}) {
    for (const SimdLevel level : usable_simd_levels()) {
      TestArray<BFloat16> data(67, 1);
      fill_normal(data, 1);
      TestArray<BFloat16> expected = data;
      for (BFloat16& element : expected.elements()) element = product<BFloat16>(element, factor);
      pack({data.data(), ElementType::kBFloat16, data.data(), 67, factor}, ElementType::kBFloat16,
           level);
      EXPECT_TRUE(data.same_as(expected));
    }
  }
}

TEST(Pack, WritesZerosWhereThereIsNoSource) {
  for_all_types([&]<class T>(ElementType type) {
    TestArray<T> data(67, 1);
    fill_normal(data, 1);
    pack({.destination = data.data(), .count = 67}, type);
    EXPECT_TRUE(data.same_as(TestArray<T>(67, 0)));
    EXPECT_TRUE(data.guards_intact());
  });
}

TEST(Pack, TakesNothing) { pack({}, ElementType::kHalf); }

// All 16-bit values, among them infinities, subnormals and every NaN, at every level.
template <class Narrow>
void expect_all_values(ElementType type) {
  constexpr int64_t kCount = 0x10000;
  for (const SimdLevel level : usable_simd_levels()) {
    TestArray<Narrow> narrow(kCount, 0), back(kCount, 0);
    TestArray<float> wide(kCount, 0);
    for (int64_t i = 0; i < kCount; ++i) narrow[i].bits = i;
    pack({narrow.data(), type, wide.data(), kCount}, ElementType::kFloat, level);
    pack({wide.data(), ElementType::kFloat, back.data(), kCount}, type, level);
    for (int64_t i = 0; i < kCount; ++i) {
      const float expected = to_float(narrow[i]);
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(wide[i]) : wide[i] == expected) << i;
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(to_float(back[i]))
                                       : back[i].bits == narrow[i].bits)
          << i;
    }
  }
}

TEST(Pack, KnowsEveryHalf) { expect_all_values<Half>(ElementType::kHalf); }
TEST(Pack, KnowsEveryBFloat16) { expect_all_values<BFloat16>(ElementType::kBFloat16); }

// Floats of all exponents, most of them between two values of the narrow type, and many ties.
template <class Narrow>
void expect_rounding(ElementType type, auto to_narrow) {
  constexpr int64_t kCount = 1 << 20;
  TestArray<float> wide(kCount, 0);
  for (int64_t i = 0; i < kCount; ++i) {
    wide[i] = __builtin_bit_cast(float, static_cast<uint32_t>(i << 12));
  }
  for (const SimdLevel level : usable_simd_levels()) {
    TestArray<Narrow> narrow(kCount, 0);
    pack({wide.data(), ElementType::kFloat, narrow.data(), kCount}, type, level);
    int64_t wrong = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      const float back = to_float(narrow[i]);
      wrong += std::isnan(wide[i]) ? !std::isnan(back) : narrow[i].bits != to_narrow(wide[i]).bits;
    }
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Pack, RoundsAtEveryLevel) {
  expect_rounding<Half>(ElementType::kHalf, to_half);
  expect_rounding<BFloat16>(ElementType::kBFloat16, to_bfloat16);
}

TEST(Pack, CalculatesInDoubleFromDouble) {
  const double source = 1e300;
  float destination = 0;
  pack({&source, ElementType::kDouble, &destination, 1, 1e-299}, ElementType::kFloat);
  EXPECT_FLOAT_EQ(destination, 10);
}

}  // namespace
}  // namespace accelerate::kernels
