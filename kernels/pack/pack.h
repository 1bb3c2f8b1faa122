// Copies an array, and can multiply and convert it on the way.
//
// Example:
//   // One gradient on its way into a bucket of bfloat16, and back.
//   pack({.source = gradient, .source_type = ElementType::kFloat, .destination = bucket + offset,
//         .count = n, .factor = 1.0 / world_size}, ElementType::kBFloat16);
//   pack({.source = bucket + offset, .source_type = ElementType::kBFloat16,
//         .destination = gradient, .count = n}, ElementType::kFloat);
//
// Not for arrays that overlap, unless they are one and the same.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

struct PackPiece {
  const void* source = nullptr;  // Null for zeros.
  ElementType source_type = ElementType::kFloat;
  void* destination = nullptr;  // May be the source, if the types are the same.
  int64_t count = 0;            // Elements.
  double factor = 1;
};

// destination[i] = source[i] * factor, calculated in double if either type is kDouble and in float
// otherwise, then rounded to the nearest of `destination_type`, ties to even. With a factor of 1
// and the same type, the bits do not change.
void pack(const PackPiece& piece, ElementType destination_type,
          SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
