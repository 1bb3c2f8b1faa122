#include "kernels/pack/pack_chunk.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/pack/pack.h"
#include "kernels/testing/all_types.h"
#include "kernels/testing/run_chunks.h"
#include "kernels/testing/test_array.h"

namespace accelerate::kernels {
namespace {

template <class To>
void run_pack(const std::vector<PackPiece>& pieces) {
  run_chunks(pieces, [](const PackPiece& piece, const Chunk& chunk, Worker worker) {
    pack_chunk<To>(piece, chunk, worker);
  });
}

TEST(PackChunk, DoesWhatPackDoes) {
  for_all_pairs([]<class From, class To>(ElementType from, ElementType to) {
    for (const double factor : {1.0, 1.0 / 3}) {
      for (const int64_t count : test_counts()) {
        for (const int64_t offset : {0, 1, 2, 4, 7}) {
          TestArray<From> source(count, offset);
          fill_normal(source, 1);
          TestArray<To> expected(count, 0), destination(count, offset % 4);
          pack({source.data(), from, expected.data(), count, factor}, to);
          run_pack<To>({{source.data(), from, destination.data(), count, factor}});
          EXPECT_TRUE(destination.same_as(expected)) << count;
          EXPECT_TRUE(destination.guards_intact()) << count;
        }
      }
    }
  });
}

TEST(PackChunk, FillsABucketFromPiecesOfAllTypesAndBackAgain) {
  constexpr int64_t kCount = 5001;
  TestArray<float> floats(kCount, 1), floats_back(kCount, 0);
  TestArray<BFloat16> halves(kCount, 2);
  fill_normal(floats, 1);
  fill_normal(halves, 2);
  TestArray<float> bucket(3 * kCount, 0);
  for (float& element : bucket.elements()) element = 7;
  float* part = bucket.data();
  run_pack<float>({{.source = floats.data(), .destination = part, .count = kCount, .factor = 0.5},
                   {.destination = part + kCount, .count = kCount},
                   {halves.data(), ElementType::kBFloat16, part + 2 * kCount, kCount, 0.5}});
  for (int64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(part[i], floats[i] / 2);
    ASSERT_EQ(part[kCount + i], 0);
    ASSERT_EQ(part[2 * kCount + i], to_float(halves[i]) / 2);
  }
  run_pack<float>(
      {{.source = part, .destination = floats_back.data(), .count = kCount, .factor = 2}});
  EXPECT_TRUE(floats_back.same_as(floats));
}

TEST(PackChunk, ScalesInPlace) {
  TestArray<Half> data(5001, 3), expected(5001, 0);
  fill_normal(data, 1);
  pack({data.data(), ElementType::kHalf, expected.data(), 5001, 0.3}, ElementType::kHalf);
  run_pack<Half>({{data.data(), ElementType::kHalf, data.data(), 5001, 0.3}});
  EXPECT_TRUE(data.same_as(expected));
  run_pack<Half>({{data.data(), ElementType::kHalf, data.data(), 5001}});
  EXPECT_TRUE(data.same_as(expected));
}

TEST(PackChunk, CopiesTheBitsOfEveryNan) {
  constexpr int64_t kCount = 0x10000;
  TestArray<Half> source(kCount, 0), destination(kCount, 0);
  for (int64_t i = 0; i < kCount; ++i) source[i].bits = i;
  run_pack<Half>({{source.data(), ElementType::kHalf, destination.data(), kCount}});
  EXPECT_TRUE(destination.same_as(source));
}

TEST(PackChunk, TakesNothing) {
  run_pack<Half>({});
  run_pack<Half>({{}});
}

}  // namespace
}  // namespace accelerate::kernels
