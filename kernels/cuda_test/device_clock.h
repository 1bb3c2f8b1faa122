// Measures how long work takes, by the clock of the current GPU.
//
//   DeviceClock clock;
//   const double seconds = clock.seconds_of([&] { pack_cuda(pieces, type, nullptr); });
//
// Measures what is launched on the default stream. If the GPU finishes before the host launches
// more, the host's pauses count as well: launch short work several times in one call. Not
// thread-safe.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda_test/device_memory.h"

namespace accelerate::kernels {

class DeviceClock {
 public:
  DeviceClock() {
    check(cudaEventCreate(&begin_));
    check(cudaEventCreate(&end_));
  }
  ~DeviceClock() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  DeviceClock(const DeviceClock&) = delete;
  DeviceClock& operator=(const DeviceClock&) = delete;

  // Waits for the work.
  double seconds_of(auto&& launch) {
    check(cudaEventRecord(begin_, nullptr));
    launch();
    check(cudaEventRecord(end_, nullptr));
    check(cudaEventSynchronize(end_));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return milliseconds / 1000;
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace accelerate::kernels
