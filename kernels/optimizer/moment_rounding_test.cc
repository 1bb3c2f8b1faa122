#include "kernels/optimizer/moment_rounding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/optimizer/optimizer_step.h"
#include "kernels/optimizer/rules/adam.h"
#include "kernels/simd/simd_level.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

constexpr uint32_t kRandoms = 1 << 16;

float of_bits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

TEST(RoundStochastically, HasTheValueAsItsMean) {
  for (const float value : {1.00123f, -1.00123f, 0.1f, 3e-7f, -7e30f, of_bits(0x7f7effff), 1e-40f,
                            of_bits(1), of_bits(0x3fffffff)}) {
    double sum = 0;
    std::set<float> results;
    for (uint32_t random = 0; random < kRandoms; ++random) {
      const float rounded = to_float(round_stochastically(value, random));
      sum += rounded;
      results.insert(rounded);
    }
    // Each chance once: the sum, of numbers that double holds with room to spare, is exact.
    EXPECT_EQ(sum / kRandoms, value);
    EXPECT_EQ(results.size(), 2u) << value;
  }
}

TEST(RoundStochastically, LeavesWhatBFloat16CanRepresent) {
  for (uint32_t upper = 0; upper < kRandoms; ++upper) {
    const float value = of_bits(upper << 16);
    for (const uint32_t random : {0u, 1u, 0x8000u, 0xffffu}) {
      const BFloat16 rounded = round_stochastically(value, random);
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(to_float(rounded))) << upper;
      } else {
        EXPECT_EQ(uint32_t{rounded.bits}, upper);
      }
    }
  }
}

TEST(RoundStochastically, KeepsNanAndWhatIsFinite) {
  for (const uint32_t random : {0u, 1u, 0x8000u, 0xffffu}) {
    for (const uint32_t nan : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
      const BFloat16 rounded = round_stochastically(of_bits(nan), random);
      EXPECT_TRUE(std::isnan(to_float(rounded)));
      EXPECT_EQ(uint32_t{rounded.bits} >> 15, nan >> 31);
    }
    for (const uint32_t finite : {0x7f7f0001u, 0x7f7fffffu, 0xff7fffffu})
      EXPECT_EQ(uint32_t{round_stochastically(of_bits(finite), random).bits}, finite >> 16);
  }
}

// How far the mean of so many numbers below 2^16 may be from their middle: five deviations.
double tolerance(int count) { return 5 * kRandoms / std::sqrt(12.0 * count); }

TEST(RandomBits, AreSpreadOverElementsStepsParametersAndSeeds) {
  constexpr int kCount = 1 << 16;
  const auto expect_spread = [](const char* what, auto bits_of) {
    double sums[2] = {}, product = 0;
    std::array<int, 16> first_of_neighbours = {};
    for (int i = 0; i < kCount; ++i) {
      const RandomBits random = bits_of(i);
      const double one = random.of(0), two = random.of(1);
      sums[0] += one;
      sums[1] += two;
      product += (one - kRandoms / 2) * (two - kRandoms / 2);
      ++first_of_neighbours[random.of(0) >> 14 << 2 | bits_of(i + 1).of(0) >> 14];
    }
    const double middle = (kRandoms - 1) / 2.0;
    EXPECT_NEAR(sums[0] / kCount, middle, tolerance(kCount)) << what;
    EXPECT_NEAR(sums[1] / kCount, middle, tolerance(kCount)) << what;
    // The two moments of an element know nothing of each other, and neither do neighbours.
    EXPECT_NEAR(product / kCount, 0, 5 * kRandoms * (kRandoms / 12.0) / std::sqrt(kCount)) << what;
    for (const int count : first_of_neighbours)
      EXPECT_NEAR(count, kCount / 16, 5 * std::sqrt(kCount / 16)) << what;
  };
  const auto key_of = [](uint64_t seed, int64_t parameter, int64_t step) {
    return rounding_key(parameter_seed(seed, parameter), step);
  };
  expect_spread("element", [&](int i) { return random_bits(key_of(0, 0, 1), i); });
  expect_spread("distant", [&](int i) { return random_bits(key_of(0, 0, 1), i * 65536u); });
  expect_spread("step", [&](int i) { return random_bits(key_of(0, 0, i), 0); });
  expect_spread("parameter", [&](int i) { return random_bits(key_of(0, i, 1), 0); });
  expect_spread("seed", [&](int i) { return random_bits(key_of(i, 0, 1), 0); });
}

// So that a run which goes on from a checkpoint has the bits of one that was not interrupted, also
// after an update of this library.
TEST(RandomBits, StayWhatTheyAre) {
  EXPECT_EQ(random_bits(rounding_key(parameter_seed(42, 3), 7), 0).bits, 1254506762u);
  EXPECT_EQ(random_bits(rounding_key(parameter_seed(42, 3), 7), 1'000'000).bits, 448973973u);
}

constexpr AdamOptions kOptions = {
    .lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 0.05, .weight_decay = 0.3};

// A parameter with moments in bfloat16, its elements at any alignment.
struct RoundedRun {
  RoundedRun(int64_t count, bool amsgrad)
      : parameter(count, 1),
        gradient(count, 2),
        first(count, 1),
        second(count, 3),
        max(count, 0),
        has_max(amsgrad) {
    fill_normal(parameter, 1);
    fill_normal(gradient, 2);
  }

  RoundedArrays<Adam> arrays(int64_t begin, int64_t end) {
    return {.parameter = parameter.data(),
            .gradient = gradient.data(),
            .state = {first.data(), second.data(), has_max ? max.data() : nullptr},
            .begin = begin,
            .end = end,
            .seed = parameter_seed(9, 4)};
  }

  void expect_same(const RoundedRun& other) const {
    EXPECT_TRUE(parameter.same_as(other.parameter));
    EXPECT_TRUE(first.same_as(other.first));
    EXPECT_TRUE(second.same_as(other.second));
    EXPECT_TRUE(max.same_as(other.max));
  }

  bool guards_intact() const {
    return parameter.guards_intact() && first.guards_intact() && second.guards_intact() &&
           max.guards_intact();
  }

  TestArray<float> parameter, gradient;
  TestArray<BFloat16> first, second;
  TestArray<float> max;
  bool has_max;
};

// By the definition: an element in float, and its moments rounded.
void step_one_by_one(RoundedRun& run, int64_t count, int64_t step) {
  const auto scalars = Adam::scalars<float>(kOptions, step, 0.5);
  const RoundingKey key = rounding_key(parameter_seed(9, 4), step);
  for (int64_t i = 0; i < count; ++i) {
    float m = to_float(run.first[i]), v = to_float(run.second[i]);
    if (run.has_max) {
      Adam::element<true>(scalars, run.gradient[i], run.parameter[i], m, v, run.max[i]);
    } else {
      Adam::element<false>(scalars, run.gradient[i], run.parameter[i], m, v, run.max[i]);
    }
    const RandomBits random = random_bits(key, static_cast<uint32_t>(i));
    run.first[i] = round_stochastically(m, random.of(0));
    run.second[i] = round_stochastically(v, random.of(1));
  }
}

TEST(RoundedMoments, HaveTheSameBitsAtEveryLevel) {
  for (const bool amsgrad : {false, true}) {
    for (const int64_t count : test_counts()) {
      RoundedRun expected(count, amsgrad);
      for (const int64_t step : {1, 2, 3}) step_one_by_one(expected, count, step);
      for (const SimdLevel level : usable_simd_levels()) {
        RoundedRun run(count, amsgrad);
        for (const int64_t step : {1, 2, 3})
          optimizer_step(kOptions, step, 0.5, run.arrays(0, count), level);
        run.expect_same(expected);
        EXPECT_TRUE(run.guards_intact()) << count;
      }
    }
  }
}

TEST(RoundedMoments, HaveTheSameBitsInAnyPieces) {
  constexpr int64_t kCount = 1000;
  RoundedRun whole(kCount, false), pieces(kCount, false);
  optimizer_step(kOptions, 1, 0.5, whole.arrays(0, kCount));
  for (int64_t begin = 0, size = 1; begin < kCount; begin += size, size = size * 2 + 1)
    optimizer_step(kOptions, 1, 0.5, pieces.arrays(begin, std::min(begin + size, kCount)));
  pieces.expect_same(whole);
}

TEST(RoundedMoments, DoNotHideWhatIsNotFinite) {
  for (const SimdLevel level : usable_simd_levels()) {
    RoundedRun run(40, true);
    run.gradient[2] = std::numeric_limits<float>::quiet_NaN();
    run.gradient[3] = std::numeric_limits<float>::infinity();
    optimizer_step(kOptions, 1, 1, run.arrays(0, 40), level);
    EXPECT_TRUE(std::isnan(to_float(run.first[2])));
    EXPECT_TRUE(std::isnan(to_float(run.second[2])));
    EXPECT_TRUE(std::isinf(to_float(run.first[3])));
    EXPECT_TRUE(std::isinf(to_float(run.second[3])));
    EXPECT_TRUE(std::isfinite(to_float(run.first[4])));
  }
}

// Squares of gradients that grow from 1 to 1.5: an average of a thousand steps moves by less than
// half of the last place of a bfloat16.
TEST(RoundedMoments, FollowWhereThoseRoundedToTheNearestStandStill) {
  constexpr int64_t kCount = 512;
  constexpr int kSteps = 3000;
  RoundedRun run(kCount, false);
  for (float& each : run.gradient.elements()) each = std::sqrt(1.5f);
  for (BFloat16& each : run.second.elements()) each = to_bfloat16(1);
  float exact = 1;
  BFloat16 nearest = to_bfloat16(1);
  for (int step = 1; step <= kSteps; ++step) {
    optimizer_step({.lr = 0}, step, 1, run.arrays(0, kCount));
    exact = 0.999f * exact + 0.001f * 1.5f;
    nearest = to_bfloat16(0.999f * to_float(nearest) + 0.001f * 1.5f);
  }
  EXPECT_GT(exact, 1.47f);
  EXPECT_EQ(to_float(nearest), 1);
  double sum = 0, largest = 0;
  for (const BFloat16 each : run.second.elements()) {
    sum += to_float(each);
    largest = std::max(largest, std::abs(to_float(each) - 1.0 * exact));
  }
  EXPECT_NEAR(sum / kCount, exact, 0.01);
  EXPECT_LT(largest, 0.3);
}

}  // namespace
}  // namespace accelerate::kernels
