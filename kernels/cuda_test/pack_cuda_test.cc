#include "kernels/pack/pack_cuda.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/cuda_test/cuda_test.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/testing/all_types.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

using PackCuda = CudaTest;

TEST_F(PackCuda, HasTheBitsOfPack) {
  for_all_pairs([&]<class From, class To>(ElementType from, ElementType to) {
    for (const double factor : {1.0, 1.0 / 3}) {
      for (const int64_t count : test_counts()) {
        const int64_t offset = count % 3;
        TestArray<From> source(count, offset);
        fill_normal(source, 1);
        TestArray<To> expected(count, offset);
        pack({source.data(), from, expected.data(), count, factor}, to);
        DeviceArray<From> from_device(source);
        DeviceArray<To> to_device(TestArray<To>(count, offset));
        const std::vector<PackPiece> pieces = {
            {from_device.data(), from, to_device.data(), count, factor}};
        for (int run = 0; run < 2; ++run) {
          check(pack_cuda(pieces, to, stream_));
          EXPECT_TRUE(to_device.to_host().same_as(expected)) << count;
        }
      }
    }
  });
}

// All floats of 20 leading bits, among them infinities, subnormals and NaN.
TEST_F(PackCuda, RoundsAsPackDoes) {
  constexpr int64_t kCount = 1 << 20;
  TestArray<float> source(kCount, 0);
  for (int64_t i = 0; i < kCount; ++i) {
    source[i] = __builtin_bit_cast(float, static_cast<uint32_t>(i << 12));
  }
  DeviceArray<float> from_device(source);
  const auto expect_rounding = [&]<class To>(ElementType to) {
    TestArray<To> expected(kCount, 0);
    pack({source.data(), ElementType::kFloat, expected.data(), kCount}, to);
    DeviceArray<To> to_device(expected);
    check(pack_cuda(
        std::vector<PackPiece>{{from_device.data(), ElementType::kFloat, to_device.data(), kCount}},
        to, stream_));
    TestArray<To> packed = to_device.to_host();
    int64_t wrong = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      const bool nan = std::isnan(convert<float>(expected[i]));
      wrong += nan ? !std::isnan(convert<float>(packed[i])) : packed[i].bits != expected[i].bits;
    }
    EXPECT_EQ(wrong, 0);
  };
  expect_rounding.operator()<Half>(ElementType::kHalf);
  expect_rounding.operator()<BFloat16>(ElementType::kBFloat16);
}

// More pieces than fit into one launch, neighbours in the bucket, of two types and of none.
TEST_F(PackCuda, FillsABucketAndEmptiesItAgain) {
  constexpr int64_t kPieces = 2000, kCount = 131;
  TestArray<float> floats(kPieces * kCount, 0), expected(kPieces * kCount, 1);
  TestArray<Half> halves(kPieces * kCount, 0);
  fill_normal(floats, 1);
  fill_normal(halves, 2);
  DeviceArray<float> from_floats(floats), bucket(expected), back(expected);
  DeviceArray<Half> from_halves(halves);
  std::vector<PackPiece> in, out, on_host;
  for (int64_t i = 0; i < kPieces; ++i) {
    const int64_t at = i * kCount;
    const bool half = i % 3 == 0, none = i % 3 == 1;
    const auto piece = [&](float* of_floats, Half* of_halves, float* to) {
      const void* source = half ? static_cast<void*>(of_halves + at) : of_floats + at;
      return PackPiece{none ? nullptr : source, half ? ElementType::kHalf : ElementType::kFloat,
                       to + at, kCount, 0.25};
    };
    in.push_back(piece(from_floats.data(), from_halves.data(), bucket.data()));
    on_host.push_back(piece(floats.data(), halves.data(), expected.data()));
    out.push_back({bucket.data() + at, ElementType::kFloat, back.data() + at, kCount});
  }
  for (const PackPiece& piece : on_host) pack(piece, ElementType::kFloat);
  check(pack_cuda(in, ElementType::kFloat, stream_));
  check(pack_cuda(out, ElementType::kFloat, stream_));
  EXPECT_TRUE(bucket.to_host().same_as(expected));
  EXPECT_TRUE(back.to_host().same_as(expected));
}

TEST_F(PackCuda, CountsBeyond32Bits) {
  constexpr int64_t kCount = (int64_t{1} << 31) + 4099;
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total));
  if (free < 3 * kCount) GTEST_SKIP() << "less than 6 GiB free on this GPU";
  const auto memory = device_memory<Half>(kCount);
  check(cudaMemset(memory.get(), 0x3c, kCount * sizeof(Half)));
  check(
      pack_cuda(std::vector<PackPiece>{{memory.get(), ElementType::kHalf, memory.get(), kCount, 2}},
                ElementType::kHalf, stream_));
  check(cudaDeviceSynchronize());
  for (const int64_t at : {int64_t{0}, int64_t{1} << 31, kCount - 1}) {
    Half element;
    check(cudaMemcpy(&element, memory.get() + at, sizeof(Half), cudaMemcpyDefault));
    EXPECT_EQ(element.bits, 0x403c) << at;
  }
}

TEST_F(PackCuda, TakesNothing) {
  check(pack_cuda({}, ElementType::kHalf, stream_));
  check(pack_cuda(std::vector<PackPiece>(3), ElementType::kHalf, stream_));
}

// On every machine: it needs no GPU to see that the error of a launch comes back.
TEST(PackCudaWithoutGpu, ReturnsTheError) {
  if (has_gpu()) GTEST_SKIP() << "there is a GPU here";
  float element = 1;
  const std::vector<PackPiece> pieces = {{.source = &element, .destination = &element, .count = 1}};
  EXPECT_NE(pack_cuda(pieces, ElementType::kFloat, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace accelerate::kernels
