// The kernels' name for a LibTorch type.
//
//   const std::optional<kernels::ElementType> type = element_type(gradient.scalar_type());
//   if (!type.has_value()) use_operators_of_libtorch();
//
// Not for integers: kernels do not compute with them.
#pragma once

#include <c10/core/ScalarType.h>

#include <optional>

#include "kernels/types/element_type.h"

namespace accelerate {

// None for a type with which kernels do not compute.
inline std::optional<kernels::ElementType> element_type(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return kernels::ElementType::kFloat;
    case c10::ScalarType::Double:
      return kernels::ElementType::kDouble;
    case c10::ScalarType::Half:
      return kernels::ElementType::kHalf;
    case c10::ScalarType::BFloat16:
      return kernels::ElementType::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace accelerate
