// Memory on the current GPU, for tests and benchmarks.
//
// Example:
//   if (!has_gpu()) return 0;
//   const auto floats = device_memory<float>(1000);
//   check(cudaMemset(floats.get(), 0, 4000));
//
// Not for kernels, which allocate no memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>

namespace accelerate::kernels {

inline bool has_gpu() {
  int gpus = 0;
  return cudaGetDeviceCount(&gpus) == cudaSuccess && gpus > 0;
}

// Throws the runtime's description of an error.
inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}
// The same for a function whose header does not include CUDA's.
inline void check(int error) { check(static_cast<cudaError_t>(error)); }

struct CudaFree {
  void operator()(void* data) const { cudaFree(data); }
};

template <class T>
std::unique_ptr<T[], CudaFree> device_memory(std::size_t count) {
  void* data = nullptr;
  check(cudaMalloc(&data, count * sizeof(T)));
  return std::unique_ptr<T[], CudaFree>(static_cast<T*>(data));
}

template <class T>
std::unique_ptr<T[], CudaFree> device_copy(std::span<const T> values) {
  auto memory = device_memory<T>(values.size());
  check(cudaMemcpy(memory.get(), values.data(), values.size_bytes(), cudaMemcpyDefault));
  return memory;
}

}  // namespace accelerate::kernels
