// One of the arrays whose norm norm_cuda() takes, and the result for all of them.
//
// Example:
//   const NormPiece piece = {.data = gradient, .type = ElementType::kHalf, .count = n};
//
// Not for arrays on the CPU: see squared_norm() in norm.h.
#pragma once

#include <cstdint>

#include "kernels/simd/host_device.h"
#include "kernels/types/element_type.h"

namespace accelerate::kernels {

struct NormPiece {
  const void* data = nullptr;
  ElementType type = ElementType::kFloat;
  int64_t count = 0;
};

// Like SquaredNorm, in a form that has the same layout everywhere and can be summed up over GPUs.
struct NormResult {
  double sum = 0;
  int32_t finite = 1;
};

ACCELERATE_HOST_DEVICE NormResult operator+(const NormResult& one, const NormResult& other) {
  return {one.sum + other.sum, one.finite & other.finite};
}

}  // namespace accelerate::kernels
