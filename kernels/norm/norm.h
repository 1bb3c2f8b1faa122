// What gradient clipping needs to know about an array.
//
// Example:
//   const SquaredNorm norm = squared_norm(gradient, ElementType::kHalf, count);
//   if (norm.finite) total += norm.sum;
//
// Not for several threads on one array: add up the sums of its parts in a fixed order.
#pragma once

#include <cstdint>

#include "kernels/simd/simd_level.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

struct SquaredNorm {
  double sum;
  // False exactly if an element is infinite or NaN; the sum, a double, can overflow as well.
  bool finite;
};

// Sums up in double, and in an order that depends on the count alone, so that equal arrays have
// equal norms at any address and on any CPU.
SquaredNorm squared_norm(const void* data, ElementType type, int64_t count,
                         SimdLevel level = best_simd_level());

// The largest absolute value; 0 if there are no elements, NaN if any element is NaN.
double max_abs(const void* data, ElementType type, int64_t count,
               SimdLevel level = best_simd_level());

}  // namespace accelerate::kernels
