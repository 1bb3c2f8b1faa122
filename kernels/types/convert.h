// Converts one element from any type to any other.
//
// Example:
//   const Half half = convert<Half>(0.1);
//
// Not for arrays: see kernels/pack.
#pragma once

#include <type_traits>

#include "kernels/simd/host_device.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {

template <class T>
constexpr bool kIs16Bit = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Rounds to nearest, ties to even. A double becomes a 16-bit type by way of float, as in LibTorch.
template <class To, class From>
ACCELERATE_HOST_DEVICE To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (kIs16Bit<From>) {
    return convert<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, Half>) {
    return to_half(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return to_bfloat16(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace accelerate::kernels
