#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "testing/cuda_library/twice.h"

namespace accelerate::testing_cuda {
namespace {

TEST(CudaLibrary, RunsItsKernel) {
  int gpus = 0;
  if (cudaGetDeviceCount(&gpus) != cudaSuccess || gpus == 0) GTEST_SKIP() << "no GPU here";
  float values[] = {1, 2, 3};
  EXPECT_STREQ(twice(values, 3), "");
  EXPECT_EQ(values[2], 6);
}

}  // namespace
}  // namespace accelerate::testing_cuda
