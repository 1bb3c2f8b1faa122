// Adds up arrays, or takes the greatest or least of each element: what an all-reduce does with the
// values of several processes.
//
// Example:
//   const void* gradients[] = {of_rank_0, of_rank_1};
//   combine({.sources = gradients, .num_sources = 2, .destination = mean, .count = n,
//            .divisor = 2}, NumberType::kFloat);
//
// Not for arrays of different types: see kernels/pack.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {

enum class CombineOperation : uint8_t { kSum, kMax, kMin };

enum class NumberType : uint8_t {
  kFloat,
  kDouble,
  kHalf,
  kBFloat16,
  kInt8,
  kUInt8,
  kInt16,
  kInt32,
  kInt64,
};

constexpr int64_t size_of(NumberType type) {
  switch (type) {
    case NumberType::kDouble:
    case NumberType::kInt64:
      return 8;
    case NumberType::kFloat:
    case NumberType::kInt32:
      return 4;
    case NumberType::kHalf:
    case NumberType::kBFloat16:
    case NumberType::kInt16:
      return 2;
    case NumberType::kInt8:
    case NumberType::kUInt8:
      return 1;
  }
  __builtin_unreachable();
}

struct Combination {
  const void* const* sources = nullptr;
  int num_sources = 0;          // At least one.
  void* destination = nullptr;  // Must not overlap a source.
  int64_t count = 0;            // Elements of each.
  CombineOperation operation = CombineOperation::kSum;
  // What a sum is divided by; 1 for integers.
  int64_t divisor = 1;
};

// Goes through the sources in order, element by element, so the result has the same bits wherever
// it is calculated. 16-bit floats are added up and divided in float, and rounded once. Every
// operation keeps a NaN; sums of integers wrap around.
void combine(const Combination& combination, NumberType type, SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
