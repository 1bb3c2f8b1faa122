// The types of array elements that kernels know.
//
// Example:
//   const int64_t bytes = count * size_of(ElementType::kBFloat16);
//
// Not for integers: kernels work on parameters and gradients.
#pragma once

#include <cstdint>

namespace accelerate::kernels {

enum class ElementType { kFloat, kDouble, kHalf, kBFloat16 };

constexpr int64_t size_of(ElementType type) {
  if (type == ElementType::kDouble) return 8;
  return type == ElementType::kFloat ? 4 : 2;
}

}  // namespace accelerate::kernels
