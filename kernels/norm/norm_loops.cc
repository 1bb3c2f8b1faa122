#include "kernels/norm/norm_loops.h"

#include "kernels/norm/norm_element.h"
#include "kernels/simd/this_level.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {
namespace {

// So many sums side by side at every level, which is what makes their results equal.
constexpr int kLanes = 32;

template <class T>
double sum_of_squares(const T* data, int64_t count) {
  double lanes[kLanes] = {};
  const int64_t whole = count - count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += squared_element(data[i + lane]);
  }
  for (int64_t i = whole; i < count; ++i) lanes[i - whole] += squared_element(data[i]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

template <class T>
double largest_magnitude(const T* data, int64_t count) {
  MagnitudeBits<T> largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const MagnitudeBits<T> bits = magnitude_bits(data[i]);
    largest = bits > largest ? bits : largest;
  }
  return convert<double>(__builtin_bit_cast(T, largest));
}

}  // namespace

template <>
double squared_norm_loop<kThisLevel>(const void* data, ElementType type, int64_t count) {
  return by_type(type,
                 [&]<class T>() { return sum_of_squares(static_cast<const T*>(data), count); });
}

template <>
double max_abs_loop<kThisLevel>(const void* data, ElementType type, int64_t count) {
  return by_type(type,
                 [&]<class T>() { return largest_magnitude(static_cast<const T*>(data), count); });
}

}  // namespace accelerate::kernels
