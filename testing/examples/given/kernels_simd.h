// What examples of kernels/simd take as given.
#include "kernels/scale/scale.h"
#include "kernels/types/by_type.h"

extern void* data;
// ---- by_level.h
extern SimdLevel level;
template <SimdLevel kLevel>
void scale_loop(void* data, ElementType type, int64_t count, double factor);
// ---- square_root.h
extern float exp_avg_sq, eps;
// ---- this_level.h
template <SimdLevel kLevel>
void scale_loop(void* data, ElementType type, int64_t count, double factor);
