// Marks functions for the arithmetic on one element, which CPU loops and CUDA kernels share.
//
// Example:
//   template <class T>
//   ACCELERATE_HOST_DEVICE T twice(T value) {
//     return value + value;
//   }
//
// Not for functions that only the host calls.
#pragma once

// Always inline on the CPU: otherwise the linker could keep one copy for all SIMD levels, with
// instructions that the CPU lacks.
#ifdef __CUDACC__
#define ACCELERATE_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define ACCELERATE_HOST_DEVICE inline __attribute__((always_inline))
#endif
