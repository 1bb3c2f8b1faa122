// What the tests of CUDA kernels share: arrays on the device, with guards, and a fixture that skips
// tests if there is no GPU.
//
// Example:
//   TEST_F(PackCudaTest, Copies) {
//     DeviceArray<float> on_device(host);
//     EXPECT_EQ(pack_cuda(pieces, ElementType::kFloat, stream_), cudaSuccess);
//     EXPECT_TRUE(on_device.to_host().same_as(expected));
//   }
//
// Not for the arithmetic of chunks, which tests on the CPU cover.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "gtest/gtest.h"
#include "kernels/cuda_test/device_memory.h"
#include "kernels/testing/test_array.h"

namespace accelerate::kernels {

// A TestArray on the device, at the same address modulo 16.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const TestArray<T>& host)
      : host_(host), memory_(device_memory<T>(host_.with_guards().size())) {
    check(cudaMemcpy(memory_.get(), host_.with_guards().data(), host_.with_guards().size_bytes(),
                     cudaMemcpyDefault));
  }

  T* data() { return memory_.get() + (host_.data() - host_.with_guards().data()); }

  // Waits for all that was launched. Expects the guards to be intact.
  const TestArray<T>& to_host() {
    check(cudaDeviceSynchronize());
    check(cudaMemcpy(host_.with_guards().data(), memory_.get(), host_.with_guards().size_bytes(),
                     cudaMemcpyDefault));
    EXPECT_TRUE(host_.guards_intact());
    return host_;
  }

 private:
  TestArray<T> host_;
  std::unique_ptr<T[], CudaFree> memory_;
};

// A single value on the device.
template <class T>
class DeviceValue {
 public:
  explicit DeviceValue(const T& value = {}) : memory_(device_copy<T>({&value, 1})) {}

  T* data() const { return memory_.get(); }

  T to_host() const {
    T value;
    check(cudaDeviceSynchronize());
    check(cudaMemcpy(&value, memory_.get(), sizeof(T), cudaMemcpyDefault));
    return value;
  }

 private:
  std::unique_ptr<T[], CudaFree> memory_;
};

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "no GPU here: cudaGetDeviceCount() finds none";
    check(cudaStreamCreate(&stream_));
  }

  void TearDown() override {
    if (stream_ != nullptr) check(cudaStreamDestroy(stream_));
  }

  cudaStream_t stream_ = nullptr;
};

}  // namespace accelerate::kernels
