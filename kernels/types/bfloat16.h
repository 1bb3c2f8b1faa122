// The upper half of an IEEE 754 float, as storage.
//
// Example:
//   const BFloat16 narrow = to_bfloat16(0.1f);  // Rounded to nearest, ties to even.
//   const float wide = to_float(narrow);
//
// Not for arithmetic, which is done in float.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

struct BFloat16 {
  uint16_t bits;
};

ACCELERATE_HOST_DEVICE float to_float(BFloat16 value) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(value.bits) << 16);
}

// A NaN remains a NaN: it is not rounded, which could carry its last bits away.
ACCELERATE_HOST_DEVICE BFloat16 to_bfloat16(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  // Signed, because SSE2 cannot compare unsigned numbers.
  const bool nan = static_cast<int32_t>(bits & 0x7fffffffu) > 0x7f800000;
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return {static_cast<uint16_t>((nan ? bits | 0x400000u : rounded) >> 16)};
}

}  // namespace accelerate::kernels
