#include "kernels/combine/combine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

template <class T>
using Exact = std::conditional_t<kIs16Bit<T>, float, T>;

// One element, by the definition.
template <class T>
T expected_element(const std::vector<T>& values, CombineOperation operation, int64_t divisor) {
  Exact<T> result = convert<Exact<T>>(values[0]);
  for (size_t i = 1; i < values.size(); ++i) {
    const Exact<T> value = convert<Exact<T>>(values[i]);
    if (operation == CombineOperation::kSum) result = static_cast<Exact<T>>(result + value);
    if (operation == CombineOperation::kMax) result = std::max(result, value);
    if (operation == CombineOperation::kMin) result = std::min(result, value);
  }
  if (divisor > 1) result = static_cast<Exact<T>>(result / static_cast<Exact<T>>(divisor));
  return convert<T>(result);
}

template <class T>
void fill(TestArray<T>& array, unsigned seed) {
  if constexpr (std::is_integral_v<T>) {
    // Small enough that four of them are no overflow.
    std::mt19937 generator(seed);
    std::uniform_int_distribution<int> number(std::is_signed_v<T> ? -31 : 0, 31);
    for (T& element : array.elements()) element = static_cast<T>(number(generator));
  } else {
    fill_normal(array, seed);
  }
}

template <class T>
void expect_combined(NumberType type, int num_sources, CombineOperation operation,
                     int64_t divisor) {
  for (const int64_t count : test_counts()) {
    std::vector<TestArray<T>> arrays;
    std::vector<const void*> sources;
    for (int source = 0; source < num_sources; ++source) {
      arrays.emplace_back(count, (count + source) % 5);
      fill(arrays.back(), source);
    }
    for (TestArray<T>& array : arrays) sources.push_back(array.data());
    TestArray<T> expected(count, 0);
    for (int64_t i = 0; i < count; ++i) {
      std::vector<T> values;
      for (TestArray<T>& array : arrays) values.push_back(array[i]);
      expected[i] = expected_element<T>(values, operation, divisor);
    }
    for (const SimdLevel level : usable_simd_levels()) {
      TestArray<T> result(count, count % 3);
      combine({.sources = sources.data(),
               .num_sources = num_sources,
               .destination = result.data(),
               .count = count,
               .operation = operation,
               .divisor = divisor},
              type, level);
      EXPECT_TRUE(result.same_as(expected))
          << static_cast<int>(type) << ' ' << num_sources << ' ' << static_cast<int>(operation)
          << ' ' << divisor << ' ' << count;
      EXPECT_TRUE(result.guards_intact());
    }
  }
}

template <class T>
void expect_operations(NumberType type) {
  for (const int num_sources : {1, 2, 4}) {
    for (const CombineOperation operation :
         {CombineOperation::kSum, CombineOperation::kMax, CombineOperation::kMin}) {
      expect_combined<T>(type, num_sources, operation, 1);
    }
  }
}

template <class T>
void expect_means(NumberType type) {
  for (const int64_t divisor : {2, 3, 8})
    expect_combined<T>(type, 3, CombineOperation::kSum, divisor);
}

TEST(Combine, DoesEveryOperationOnEveryType) {
  expect_operations<float>(NumberType::kFloat);
  expect_operations<double>(NumberType::kDouble);
  expect_operations<Half>(NumberType::kHalf);
  expect_operations<BFloat16>(NumberType::kBFloat16);
  expect_operations<int8_t>(NumberType::kInt8);
  expect_operations<uint8_t>(NumberType::kUInt8);
  expect_operations<int16_t>(NumberType::kInt16);
  expect_operations<int32_t>(NumberType::kInt32);
  expect_operations<int64_t>(NumberType::kInt64);
}

TEST(Combine, DividesASum) {
  expect_means<float>(NumberType::kFloat);
  expect_means<double>(NumberType::kDouble);
  expect_means<Half>(NumberType::kHalf);
  expect_means<BFloat16>(NumberType::kBFloat16);
}

TEST(Combine, RoundsOnce) {
  // Rounded after each addition, the small ones would be lost one by one.
  const BFloat16 numbers[] = {to_bfloat16(256), to_bfloat16(1), to_bfloat16(1)};
  const void* sources[] = {numbers, numbers + 1, numbers + 2};
  BFloat16 sum{};
  combine({.sources = sources, .num_sources = 3, .destination = &sum, .count = 1},
          NumberType::kBFloat16);
  EXPECT_EQ(to_float(sum), 258);
}

TEST(Combine, WrapsIntegersAround) {
  const int64_t most = std::numeric_limits<int64_t>::max(), one = 1;
  const void* sources[] = {&most, &one};
  int64_t sum = 0;
  combine({.sources = sources, .num_sources = 2, .destination = &sum, .count = 1},
          NumberType::kInt64);
  EXPECT_EQ(sum, std::numeric_limits<int64_t>::min());
}

TEST(Combine, KeepsANan) {
  const float nan = std::nanf(""), number = 1;
  for (const CombineOperation operation :
       {CombineOperation::kSum, CombineOperation::kMax, CombineOperation::kMin}) {
    for (const bool first : {true, false}) {
      const void* sources[] = {first ? &nan : &number, first ? &number : &nan};
      float result = 0;
      combine({.sources = sources,
               .num_sources = 2,
               .destination = &result,
               .count = 1,
               .operation = operation},
              NumberType::kFloat);
      EXPECT_TRUE(std::isnan(result)) << static_cast<int>(operation) << first;
    }
  }
}

}  // namespace
}  // namespace accelerate::kernels
