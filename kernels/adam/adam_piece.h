// One of the parameters that adam_cuda() steps.
//
// Example:
//   const AdamPiece piece = {.parameter = p, .gradient = g, .gradient_type = ElementType::kHalf,
//                            .exp_avg = m, .exp_avg_sq = v, .count = n};
//
// Not for parameters of 16 bits: the step is for their copy in float.
#pragma once

#include <cstdint>

#include "kernels/types/element_type.h"

namespace accelerate::kernels {

struct AdamPiece {
  float* parameter = nullptr;
  const void* gradient = nullptr;
  ElementType gradient_type = ElementType::kFloat;
  float* exp_avg = nullptr;
  float* exp_avg_sq = nullptr;
  float* max_exp_avg_sq = nullptr;  // Null without AMSGrad.
  int64_t count = 0;
  int32_t group = 0;  // Which of the launch's options are its own.
  int32_t slot = 0;   // Which of the launch's slots is its own.
};

}  // namespace accelerate::kernels
