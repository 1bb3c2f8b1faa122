// One of the parameters that sgd_cuda() steps.
//
// Example:
//   const SgdPiece piece = {.parameter = p, .gradient = g, .gradient_type = ElementType::kHalf,
//                            .momentum_buffer = b, .count = n};
//
// Not for parameters of 16 bits: the step is for their copy in float.
#pragma once

#include <cstdint>

#include "kernels/types/element_type.h"

namespace accelerate::kernels {

struct SgdPiece {
  float* parameter = nullptr;
  const void* gradient = nullptr;
  ElementType gradient_type = ElementType::kFloat;
  float* momentum_buffer = nullptr;  // Null without momentum.
  int64_t count = 0;
  int32_t group = 0;  // Which of the launch's options are its own.
  int32_t slot = 0;   // Which of the launch's slots is its own.
};

}  // namespace accelerate::kernels
