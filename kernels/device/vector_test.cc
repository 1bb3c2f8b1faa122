#include "kernels/device/vector.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {
namespace {

TEST(Vector, HasNoMoreThan16Bytes) {
  EXPECT_EQ((kVectorWidth<float>), 4);
  EXPECT_EQ((kVectorWidth<Half>), 8);
  EXPECT_EQ((kVectorWidth<float, Half>), 4);
  EXPECT_EQ((kVectorWidth<Half, double>), 2);
}

TEST(Vector, KnowsWhatIsAligned) {
  alignas(16) float floats[8] = {};
  alignas(16) Half halves[8] = {};
  EXPECT_TRUE((are_aligned<4>(floats, halves)));
  EXPECT_TRUE((are_aligned<4>(floats + 4, halves + 4)));
  EXPECT_FALSE((are_aligned<4>(floats, halves + 2)));
  EXPECT_FALSE((are_aligned<4>(floats + 1, halves)));
  EXPECT_TRUE((are_aligned<1>(floats + 1, halves + 1)));
}

// Each element by exactly one thread, whatever the length, and no other address.
TEST(Vector, SharesElementsOutAmongThreads) {
  constexpr int kWidth = kVectorWidth<float>;
  for (const int64_t count : test_counts()) {
    for (int64_t offset = 0; offset < 9; ++offset) {
      for (const int threads : {1, 3, 256}) {
        TestArray<float> data(count, offset);
        for (float& element : data.elements()) element = 1;
        const bool aligned = are_aligned<kWidth>(data.data());
        int vectors = 0;
        for (int thread = 0; thread < threads; ++thread) {
          for_each_vector<kWidth>(static_cast<int>(count), aligned, {thread, threads},
                                  [&]<int kCount>(int i) {
                                    vectors += kCount == kWidth;
                                    Vector<float, kCount> values = load<kCount>(data.data() + i);
                                    for (float& value : values.values) value += 1;
                                    store(data.data() + i, values);
                                  });
        }
        for (const float element : data.elements()) EXPECT_EQ(element, 2) << count;
        EXPECT_TRUE(data.guards_intact()) << count;
        EXPECT_EQ(vectors, aligned ? count / kWidth : 0);
      }
    }
  }
}

}  // namespace
}  // namespace accelerate::kernels
