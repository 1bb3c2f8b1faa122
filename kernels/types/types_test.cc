#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"
#include "kernels/types/element_type.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// What IEEE 754 says that the bits mean, with so many of them in the fraction.
double value_of(uint16_t bits, int fraction_bits) {
  const int exponent_bits = 15 - fraction_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const int fraction = bits & ((1 << fraction_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return fraction != 0 ? kNan : sign * kInfinity;
  const int implicit = exponent == 0 ? 0 : 1 << fraction_bits;
  return sign *
         std::ldexp(implicit + fraction, (exponent == 0 ? 1 : exponent) - bias - fraction_bits);
}

template <class T>
void expect_all_values(int fraction_bits) {
  for (int bits = 0; bits <= 0xffff; ++bits) {
    const T narrow = {static_cast<uint16_t>(bits)};
    const double expected = value_of(narrow.bits, fraction_bits);
    const float value = to_float(narrow);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(to_float(convert<T>(value)))) << bits;
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(convert<T>(value).bits, bits);
    }
  }
}

// Between any two neighbours, the last of which is infinity in the place of the next power of two.
template <class T>
void expect_rounding(int fraction_bits, uint16_t infinity, double beyond) {
  for (uint16_t bits = 0; bits < infinity; ++bits) {
    const uint16_t next = bits + 1;
    const uint16_t even = bits % 2 == 0 ? bits : next;
    const double upper = next == infinity ? beyond : value_of(next, fraction_bits);
    const float tie = static_cast<float>((value_of(bits, fraction_bits) + upper) / 2);
    EXPECT_EQ(convert<T>(tie).bits, even) << tie;
    EXPECT_EQ(convert<T>(-tie).bits, even | 0x8000) << tie;
    EXPECT_EQ(convert<T>(std::nextafter(tie, 0.0f)).bits, bits) << tie;
    EXPECT_EQ(convert<T>(std::nextafter(tie, kInfinity)).bits, next) << tie;
  }
}

TEST(Half, HoldsEachOfItsValues) { expect_all_values<Half>(10); }
TEST(BFloat16, HoldsEachOfItsValues) { expect_all_values<BFloat16>(7); }
TEST(Half, RoundsToNearestEven) { expect_rounding<Half>(10, 0x7c00, 65536); }
TEST(BFloat16, RoundsToNearestEven) { expect_rounding<BFloat16>(7, 0x7f80, 0x1p128); }

TEST(Half, KeepsSpecialValues) {
  EXPECT_EQ(to_half(65519.996f).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_half(-1e30f).bits, 0xfc00);
  EXPECT_EQ(to_half(-kInfinity).bits, 0xfc00);
  EXPECT_EQ(to_half(-0.0f).bits, 0x8000);
  EXPECT_EQ(to_half(0x1p-149f).bits, 0);
}

TEST(BFloat16, KeepsANanWhoseUpperBitsAreThoseOfInfinity) {
  for (const uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_TRUE(std::isnan(to_float(to_bfloat16(__builtin_bit_cast(float, bits)))));
    EXPECT_TRUE(std::isnan(to_float(to_half(__builtin_bit_cast(float, bits)))));
  }
}

TEST(Convert, GoesBetweenAllTypes) {
  EXPECT_EQ(convert<double>(Half{0x3c01}), 1 + 0x1p-10);
  EXPECT_EQ(convert<double>(BFloat16{0x3f81}), 1 + 0x1p-7);
  EXPECT_EQ(convert<BFloat16>(Half{0x3c01}).bits, 0x3f80);
  EXPECT_EQ(convert<Half>(BFloat16{0x3f81}).bits, 0x3c08);
  EXPECT_EQ(convert<Half>(-0.1).bits, 0xae66);
  EXPECT_EQ(convert<float>(0.1), 0.1f);
  EXPECT_EQ(convert<double>(0.1), 0.1);
}

TEST(ElementType, HasASize) {
  EXPECT_EQ(size_of(ElementType::kFloat), 4);
  EXPECT_EQ(size_of(ElementType::kDouble), 8);
  EXPECT_EQ(size_of(ElementType::kHalf), 2);
  EXPECT_EQ(size_of(ElementType::kBFloat16), 2);
}

}  // namespace
}  // namespace accelerate::kernels
