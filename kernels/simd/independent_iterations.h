// Tells the compiler that no iteration of the next loop reads what another writes, so that it need
// not find out.
//
// Example:
//   void add(float* to, const float* from, int count) {
//     ACCELERATE_INDEPENDENT_ITERATIONS
//     for (int i = 0; i < count; ++i) to[i] += from[i];
//   }
//
// Not for arrays that may overlap: results would be wrong.
#pragma once

#ifdef __clang__
#define ACCELERATE_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#else
#define ACCELERATE_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif
