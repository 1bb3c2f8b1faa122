#include "kernels/norm/norm_chunk.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/norm/norm.h"
#include "kernels/testing/all_types.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/testing/test_array.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

NormResult norm_of(const std::vector<NormPiece>& pieces) {
  NormResult result;
  run_chunks(pieces, [&](const NormPiece& piece, const Chunk& chunk, Worker worker) {
    result = result + norm_of_chunk(piece, chunk, worker);
  });
  return result;
}

TEST(NormChunk, IsThatOfAllElements) {
  for_all_types([]<class T>(ElementType type) {
    for (const int64_t count : test_counts()) {
      TestArray<T> data(count, 0);
      fill_normal(data, 1);
      const double expected = squared_norm(data.data(), type, count).sum;
      const NormResult norm = norm_of({{data.data(), type, count}});
      EXPECT_NEAR(norm.sum, expected, 1e-12 * expected) << count;
      EXPECT_EQ(norm.finite, 1);
    }
  });
}

TEST(NormChunk, HasTheSameBitsAtEveryAlignment) {
  for_all_types([]<class T>(ElementType type) {
    for (const int64_t count : test_counts()) {
      TestArray<T> aligned(count, 0);
      fill_normal(aligned, 1);
      const double sum = norm_of({{aligned.data(), type, count}}).sum;
      for (int64_t offset = 1; offset < 9; ++offset) {
        TestArray<T> data(count, offset);
        std::ranges::copy(aligned.elements(), data.data());
        EXPECT_EQ(norm_of({{data.data(), type, count}}).sum, sum) << count;
      }
    }
  });
}

TEST(NormChunk, SeesASingleElementThatIsNotFinite) {
  for_all_types([]<class T>(ElementType type) {
    for (const double bad : {kInfinity, -kInfinity, std::nan(""), -std::nan("")}) {
      for (int64_t at = 0; at < 101; ++at) {
        TestArray<T> data(101, at % 2);
        fill_normal(data, 1);
        data[at] = convert<T>(bad);
        EXPECT_EQ(norm_of({{data.data(), type, 101}}).finite, 0) << at;
      }
    }
  });
}

TEST(NormChunk, SumsUpPiecesOfAllTypes) {
  const float three = 3;
  const Half four = to_half(4);
  const std::vector<NormPiece> pieces = {
      {&three, ElementType::kFloat, 1}, {}, {&four, ElementType::kHalf, 1}};
  EXPECT_EQ(norm_of(pieces).sum, 25);
  EXPECT_EQ(norm_of({}).sum, 0);
  EXPECT_EQ(norm_of({}).finite, 1);
}

TEST(NormChunk, TellsLargeNumbersFromInfinity) {
  const double huge = -1e300;
  const NormResult of_double = norm_of({{&huge, ElementType::kDouble, 1}});
  EXPECT_EQ(of_double.sum, kInfinity);
  EXPECT_EQ(of_double.finite, 1);
  const float largest = -std::numeric_limits<float>::max();
  const NormResult of_float = norm_of({{&largest, ElementType::kFloat, 1}});
  EXPECT_EQ(of_float.sum, static_cast<double>(largest) * largest);
  EXPECT_EQ(of_float.finite, 1);
}

}  // namespace
}  // namespace accelerate::kernels
