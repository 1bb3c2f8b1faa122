// IEEE 754 binary16, as storage.
//
// Example:
//   const Half half = to_half(65520.0f);  // Infinity: rounded to nearest, ties to even.
//   const float wide = to_float(half);
//
// Not for arithmetic, which is done in float.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

struct Half {
  uint16_t bits;
};

// Has no branches, no lookups and nothing subnormal in the float arithmetic, so that loops
// vectorise and a CPU that flushes subnormals changes nothing. A NaN remains a NaN.
ACCELERATE_HOST_DEVICE float to_float(Half half) {
  constexpr uint32_t kRebias = (127u - 15u) << 23;
  const uint32_t sign = (half.bits & 0x8000u) << 16;
  const uint32_t shifted = (half.bits & 0x7fffu) << 13;
  const uint32_t normal = shifted + kRebias;
  const uint32_t special = normal + kRebias;
  // Adds the implicit bit that a subnormal lacks; subtracting it again normalises.
  const float subnormal = __builtin_bit_cast(float, normal + (1u << 23)) - 0x1p-14f;
  const uint32_t finite = shifted < (1u << 23) ? __builtin_bit_cast(uint32_t, subnormal) : normal;
  const uint32_t magnitude = shifted >= (0x7c00u << 13) ? special : finite;
  return __builtin_bit_cast(float, magnitude | sign);
}

ACCELERATE_HOST_DEVICE Half to_half(float value) {
  constexpr int32_t kFloatInfinity = 0x7f800000;
  constexpr int32_t kOverflow = (127 + 16) << 23;
  constexpr int32_t kSmallestNormal = (127 - 14) << 23;
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  // Signed, because SSE2 cannot compare unsigned numbers.
  const int32_t magnitude = static_cast<int32_t>(bits & 0x7fffffffu);
  // An addend whose last place is that of a subnormal half lets the addition round.
  const float aligned = __builtin_bit_cast(float, magnitude) + 0.5f;
  const int32_t subnormal =
      __builtin_bit_cast(int32_t, aligned) - __builtin_bit_cast(int32_t, 0.5f);
  // Half a last place less one bit, and that bit where the last place is odd.
  const int32_t rounding = 0xfff + ((magnitude >> 13) & 1);
  const int32_t normal = (magnitude - ((127 - 15) << 23) + rounding) >> 13;
  const int32_t special = magnitude > kFloatInfinity ? 0x7e00 : 0x7c00;
  const int32_t finite = magnitude < kSmallestNormal ? subnormal : normal;
  const int32_t half = magnitude >= kOverflow ? special : finite;
  return {static_cast<uint16_t>(static_cast<uint32_t>(half) | (bits >> 16 & 0x8000u))};
}

}  // namespace accelerate::kernels
