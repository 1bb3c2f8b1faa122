#include "kernels/norm/norm_cuda.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/cuda_test/cuda_test.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/norm/norm.h"
#include "kernels/testing/all_types.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class NormCuda : public CudaTest {
 protected:
  NormResult norm_of(const std::vector<NormPiece>& pieces) {
    const auto scratch = device_memory<std::byte>(norm_scratch_bytes(pieces));
    DeviceValue<NormResult> result({-1, -1});
    check(norm_cuda(pieces, scratch.get(), result.data(), stream_));
    return result.to_host();
  }
};

TEST_F(NormCuda, IsThatOfTheCpuWithTheSameBitsEachTimeAndEverywhere) {
  for_all_types([&]<class T>(ElementType type) {
    for (const int64_t count : test_counts()) {
      TestArray<T> aligned(count, 0);
      fill_normal(aligned, 1);
      const double expected = squared_norm(aligned.data(), type, count).sum;
      DeviceArray<T> first(aligned);
      const NormResult norm = norm_of({{first.data(), type, count}});
      EXPECT_NEAR(norm.sum, expected, 1e-12 * expected) << count;
      EXPECT_EQ(norm.finite, 1);
      for (const int64_t offset : {0, 1, 2, 7}) {
        TestArray<T> moved(count, offset);
        std::ranges::copy(aligned.elements(), moved.data());
        DeviceArray<T> again(moved);
        EXPECT_EQ(norm_of({{again.data(), type, count}}).sum, norm.sum) << count;
      }
    }
  });
}

TEST_F(NormCuda, SeesASingleElementThatIsNotFinite) {
  for_all_types([&]<class T>(ElementType type) {
    for (const double bad : {kInfinity, -kInfinity, std::nan("")}) {
      for (const int64_t at : {0, 255, 4095, 4096, 10'006}) {
        TestArray<T> data(10'007, 0);
        fill_normal(data, 1);
        data[at] = convert<T>(bad);
        DeviceArray<T> on_device(data);
        EXPECT_EQ(norm_of({{on_device.data(), type, 10'007}}).finite, 0) << at;
      }
    }
  });
}

TEST_F(NormCuda, TellsOverflowOfDoublesFromInfinity) {
  TestArray<double> data(67, 0);
  data[40] = -1e300;
  DeviceArray<double> on_device(data);
  const NormResult norm = norm_of({{on_device.data(), ElementType::kDouble, 67}});
  EXPECT_EQ(norm.sum, kInfinity);
  EXPECT_EQ(norm.finite, 1);
}

// In several launches, some pieces empty, with more chunks than a device has blocks.
TEST_F(NormCuda, SumsUpManyPieces) {
  constexpr int64_t kPieces = 3000, kCount = 9001;
  TestArray<float> data(kPieces * kCount, 0);
  fill_normal(data, 1);
  DeviceArray<float> on_device(data);
  std::vector<NormPiece> pieces;
  double expected = 0;
  for (int64_t i = 0; i < kPieces; ++i) {
    const int64_t count = i % 7 == 0 ? 0 : kCount;
    pieces.push_back({on_device.data() + i * kCount, ElementType::kFloat, count});
    expected += squared_norm(data.data() + i * kCount, ElementType::kFloat, count).sum;
  }
  const NormResult norm = norm_of(pieces);
  EXPECT_NEAR(norm.sum, expected, 1e-12 * expected);
  EXPECT_EQ(norm_of(pieces).sum, norm.sum);
}

TEST_F(NormCuda, OfNothingIsZero) {
  EXPECT_EQ(norm_of({}).sum, 0);
  EXPECT_EQ(norm_of({}).finite, 1);
  EXPECT_EQ(norm_of({{}}).sum, 0);
}

}  // namespace
}  // namespace accelerate::kernels
