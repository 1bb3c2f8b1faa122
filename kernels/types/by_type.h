// Calls a function with the C++ type of an ElementType.
//
// Example:
//   by_type(type, [&]<class T>() { scale_elements(static_cast<T*>(data), count, factor); });
//
// Not for a type that is known when compiling.
#pragma once

#include "kernels/simd/host_device.h"
#include "kernels/types/bfloat16.h"
#include "kernels/types/element_type.h"
#include "kernels/types/half.h"

namespace accelerate::kernels {

template <class Function>
ACCELERATE_HOST_DEVICE auto by_type(ElementType type, Function function) {
  switch (type) {
    case ElementType::kFloat:
      return function.template operator()<float>();
    case ElementType::kDouble:
      return function.template operator()<double>();
    case ElementType::kHalf:
      return function.template operator()<Half>();
    case ElementType::kBFloat16:
      return function.template operator()<BFloat16>();
  }
  __builtin_unreachable();
}

}  // namespace accelerate::kernels
