// What one element adds to a norm.
//
// Example:
//   sum += squared_element(data[i]);
//   largest = std::max(largest, magnitude_bits(data[i]));
//
// Not for host code outside of loops: see norm.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/simd/host_device.h"
#include "kernels/types/convert.h"

namespace accelerate::kernels {

template <class T>
ACCELERATE_HOST_DEVICE double squared_element(T value) {
  const double wide = convert<double>(value);
  return wide * wide;
}

// Integers in the order of the absolute values, with NaN above all others: which of them is the
// largest does not depend on the order of comparison. Signed, because SSE2 cannot compare unsigned
// numbers.
template <class T>
using MagnitudeBits =
    std::conditional_t<kIs16Bit<T>, int16_t,
                       std::conditional_t<std::is_same_v<T, float>, int32_t, int64_t>>;

template <class T>
ACCELERATE_HOST_DEVICE MagnitudeBits<T> magnitude_bits(T value) {
  using Bits = MagnitudeBits<T>;
  constexpr Bits kAllButSign = static_cast<Bits>(std::make_unsigned_t<Bits>(-1) >> 1);
  if constexpr (kIs16Bit<T>) {
    return static_cast<Bits>(value.bits) & kAllButSign;
  } else {
    return __builtin_bit_cast(Bits, value) & kAllButSign;
  }
}

}  // namespace accelerate::kernels
