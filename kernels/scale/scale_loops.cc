#include "kernels/scale/scale_loops.h"

#include "kernels/scale/scale_element.h"
#include "kernels/simd/this_level.h"
#include "kernels/types/by_type.h"

namespace accelerate::kernels {
namespace {

template <class T>
void scale_elements(T* data, int64_t count, ScaleFactor<T, T> factor) {
  for (int64_t i = 0; i < count; ++i) data[i] = scale_element<T>(data[i], factor);
}

}  // namespace

template <>
void scale_loop<kThisLevel>(void* data, ElementType type, int64_t count, double factor) {
  by_type(type, [&]<class T>() {
    scale_elements(static_cast<T*>(data), count, static_cast<ScaleFactor<T, T>>(factor));
  });
}

}  // namespace accelerate::kernels
