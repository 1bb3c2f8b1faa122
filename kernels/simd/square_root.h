// The square root, correctly rounded.
//
// Example:
//   const float denominator = square_root(exp_avg_sq) + eps;
//
// Not for host code, which has std::sqrt.
#pragma once

#include <math.h>

#include "kernels/simd/host_device.h"

namespace accelerate::kernels {

// Calls the functions of C: those of C++ are inline, and the linker may keep any copy of them.
ACCELERATE_HOST_DEVICE float square_root(float value) { return ::sqrtf(value); }
ACCELERATE_HOST_DEVICE double square_root(double value) { return ::sqrt(value); }

}  // namespace accelerate::kernels
