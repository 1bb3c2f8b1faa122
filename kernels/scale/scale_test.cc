#include "kernels/scale/scale.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/convert.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

template <class T>
void expect_scaled(ElementType type, double factor, auto product) {
  for (const SimdLevel level : usable_simd_levels()) {
    for (const int64_t count : test_counts()) {
      TestArray<T> data(count, count % 5);
      fill_normal(data, 1);
      TestArray<T> expected = data;
      for (T& element : expected.elements()) element = convert<T>(product(element));
      scale(data.data(), type, count, factor, level);
      EXPECT_TRUE(data.same_as(expected)) << count;
      EXPECT_TRUE(data.guards_intact()) << count;
    }
  }
}

TEST(Scale, MultipliesEveryElement) {
  for (const double factor : {1.0, 0.0, -1.0 / 3}) {
    const auto in_float = [=](auto value) {
      return convert<float>(value) * static_cast<float>(factor);
    };
    expect_scaled<float>(ElementType::kFloat, factor, in_float);
    expect_scaled<Half>(ElementType::kHalf, factor, in_float);
    expect_scaled<BFloat16>(ElementType::kBFloat16, factor, in_float);
    expect_scaled<double>(ElementType::kDouble, factor, [=](double v) { return v * factor; });
  }
}

}  // namespace
}  // namespace accelerate::kernels
