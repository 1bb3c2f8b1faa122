// How the threads of a block share the elements of a chunk: in vectors of up to 16 bytes if the
// arrays are aligned for them, one by one otherwise and in the tail.
//
// Example:
//   constexpr int kWidth = kVectorWidth<float, Half>;
//   for_each_vector<kWidth>(count, are_aligned<kWidth>(from, to), worker, [&]<int kCount>(int i) {
//     const Vector<float, kCount> values = load<kCount>(from + i);
//     Vector<Half, kCount> halves;
//     for (int k = 0; k < kCount; ++k) halves.values[k] = to_half(values.values[k]);
//     store(to + i, halves);
//   });
//
// Not for CPU loops, which the compiler vectorises: see kernels/simd.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

// One of the threads that share a chunk.
struct Worker {
  int index;
  int count;
};

template <class T, int kCount>
struct alignas(kCount * sizeof(T)) Vector {
  T values[kCount];
};

// How many elements a vector has if the widest of these types fills it.
template <class... T>
inline constexpr int kVectorWidth = static_cast<int>(16 / std::max({sizeof(T)...}));

template <int kCount, class... T>
ACCELERATE_HOST_DEVICE bool are_aligned(const T*... arrays) {
  return ((reinterpret_cast<std::uintptr_t>(arrays) % (kCount * sizeof(T)) == 0) && ...);
}

template <int kCount, class T>
ACCELERATE_HOST_DEVICE Vector<T, kCount> load(const T* from) {
  return *reinterpret_cast<const Vector<T, kCount>*>(from);
}

template <int kCount, class T>
ACCELERATE_HOST_DEVICE void store(T* to, const Vector<T, kCount>& vector) {
#ifdef __CUDA_ARCH__
  // nvcc compiles an assignment of values just calculated to an instruction for each element.
  if constexpr (sizeof(vector) == 16) {
    return __stwb(reinterpret_cast<uint4*>(to), __builtin_bit_cast(uint4, vector));
  } else if constexpr (sizeof(vector) == 8) {
    return __stwb(reinterpret_cast<uint2*>(to), __builtin_bit_cast(uint2, vector));
  } else if constexpr (sizeof(vector) == 4) {
    return __stwb(reinterpret_cast<unsigned*>(to), __builtin_bit_cast(unsigned, vector));
  }
#endif
  *reinterpret_cast<Vector<T, kCount>*>(to) = vector;
}

// Calls function.operator()<kWidth or 1>(index of the first element) for the worker's share.
// Without `aligned`, neighbouring threads take neighbouring elements, which is then the best way to
// read memory.
template <int kWidth, class Function>
ACCELERATE_HOST_DEVICE void for_each_vector(int count, bool aligned, Worker worker,
                                            Function function) {
  const int whole = aligned ? count - count % kWidth : 0;
  for (int i = worker.index * kWidth; i < whole; i += worker.count * kWidth) {
    function.template operator()<kWidth>(i);
  }
  for (int i = whole + worker.index; i < count; i += worker.count) {
    function.template operator()<1>(i);
  }
}

}  // namespace accelerate::kernels
