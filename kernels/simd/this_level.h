// The level that a source in `loops` of simd_library is being compiled for.
//
// Example:
//   template <>
//   void scale_loop<kThisLevel>(void* data, ElementType type, int64_t count, double factor) {
//     by_type(type, [&]<class T>() { scale_elements(static_cast<T*>(data), count, factor); });
//   }
//
// Everything else in such a source, and every function that it uses, has to be in an unnamed
// namespace or always inline. Not for other sources, in which it does not compile.
#pragma once

#include "kernels/simd/simd_level.h"

namespace accelerate::kernels {
namespace {

constexpr SimdLevel kThisLevel = SimdLevel::ACCELERATE_SIMD_LEVEL;

}  // namespace
}  // namespace accelerate::kernels
